"""What the server remembers of files and batches. Times are seconds on the server's clock."""

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling", "cancelled"
]

OPEN: frozenset[Status] = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
"""The statuses that a batch leaves again."""


@dataclass
class FileRecord:
    """One file of the Files API."""

    id: str
    purpose: str
    filename: str
    bytes: int
    created_at: float
    expires_at: float | None
    number: int
    """Its place in the order of creation, which decides between files of the same second."""


@dataclass
class Progress:
    """How far a batch's lines have come, and what they have used."""

    total: int = 0
    position: int = 0
    """Lines executed, in the order of execution, which is not the file's."""
    completed: int = 0
    failed: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    billed: int = 0
    """Lines answered with status 200 and with usage."""
    sizes: dict[str, int] = field(default_factory=dict)
    """Bytes of output, errors and account that belong to `position`: what stands beyond is a torn write."""


@dataclass
class BatchRecord:
    """One batch, with what the server alone knows about it."""

    id: str
    number: int
    """Its place in the order of creation, from 1."""
    endpoint: str
    input_file_id: str
    completion_window: str
    created_at: float
    expires_at: float
    metadata: dict[str, str] | None
    due: float | None
    """When the next thing happens to it; None once it has ended."""
    output_seconds: int | None = None
    """`output_expires_after`, counted from the creation of its files."""
    status: Status = "validating"
    model: str | None = None
    errors: list[dict[str, Any]] | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    in_progress_at: float | None = None
    finalizing_at: float | None = None
    completed_at: float | None = None
    failed_at: float | None = None
    expired_at: float | None = None
    cancelling_at: float | None = None
    cancelled_at: float | None = None
    expiring: bool = False
    """Its window has passed: it ends as expired."""
    enqueued_tokens: int = 0
    progress: Progress = field(default_factory=Progress)

    @property
    def is_open(self) -> bool:
        """Whether it has yet to end."""
        return self.status in OPEN


def batch_from_json(value: dict[str, Any]) -> BatchRecord:
    """A batch as it was saved."""
    return BatchRecord(**{**value, "progress": Progress(**value["progress"])})
