"""How a job ended."""

from datetime import datetime

from ..outcomes.token_counts import TokenCounts
from ..storage import Record


class BatchSummary(Record):
    """One batch of a job: its id, its last status, and how many items it held."""

    id: str
    status: str
    items: int


class JobReport(Record):
    """How a job ended; every row of the source is counted in exactly one of `outcomes`.

    `answered` counts the rows whose answer is there; a refusal succeeds without one. `stopped` says why nothing
    more was sent, where that is so; `open_batches` names those whose end was not waited for.
    """

    job_key: str
    rows: int
    answered: int
    outcomes: dict[str, int]
    rounds: int
    batches: tuple[BatchSummary, ...]
    tokens: TokenCounts
    destination: str
    stopped: str | None = None
    open_batches: tuple[str, ...] = ()
    started_at: datetime
    finished_at: datetime

    @property
    def complete(self) -> bool:
        """Whether every row has its answer."""
        return self.answered == self.rows
