"""How a job ended, or stands."""

from datetime import datetime

from ..outcomes.bill import Bill
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
    more was sent, where that is so; `open_batches` names those whose end was not waited for; `files_left` are the
    remote files that this key may not delete, `files_kept` those of batches that say they finished rows of which
    nothing could be read: both expire. `bill` is None of a job that is known by its table alone.

    A run that was detached reports how its job stands: `finished_at` is None then, no outcome is counted yet, and
    `unsent_files` counts the input files that wait for room.
    """

    job_key: str
    rows: int
    answered: int
    outcomes: dict[str, int]
    rounds: int
    batches: tuple[BatchSummary, ...]
    tokens: TokenCounts
    bill: Bill | None = None
    destination: str
    stopped: str | None = None
    open_batches: tuple[str, ...] = ()
    unsent_files: int = 0
    files_left: tuple[str, ...] = ()
    files_kept: tuple[str, ...] = ()
    started_at: datetime
    finished_at: datetime | None

    @property
    def complete(self) -> bool:
        """Whether the job is done, and every row has its answer."""
        return self.finished_at is not None and self.answered == self.rows
