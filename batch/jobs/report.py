"""How a job ended, or stands."""

from datetime import datetime
from shlex import quote

from pydantic import Field

from ..outcomes.bill import Bill
from ..outcomes.by_row.reasons import advice, named
from ..outcomes.token_counts import TokenCounts
from ..prices import Dollars, dollars
from ..storage.records import Record
from ..urls import without_secrets
from ..words import counted

REPORT = "report.json"
"""What became of the rows."""

CLEANED = "cleaned.json"
"""The last record of a job: its remote files are gone."""

NAMED_REASONS = 4
"""So many reasons are named in a sentence; the others are counted together."""


OTHER_JOBS = "`prefect-openai-batch jobs` lists those of a storage, and --storage names another."
"""What helps whoever names a job that is not there."""


def command_for(verb: str, folder: str, *more: str) -> str:
    """The command that does something with the job in a folder, wherever that lies."""
    storage, _, key = without_secrets(folder).rstrip("/").rpartition("/")
    return f"`prefect-openai-batch {verb} {' '.join((key, *more))} --storage {quote(storage)}`"


class BatchSummary(Record):
    """One batch of a job: its id, its last status, and how many items it held."""

    id: str
    status: str
    items: int


class JobReport(Record):
    """How a job ended; every row of the source is counted in exactly one of `outcomes`.

    `answered` counts the rows whose answer is there; a refusal succeeds without one. `reasons` counts the others
    by why they have none, the most frequent first; of a job that is known by its table alone it is empty.
    `cut_off` counts answers that ended at the limit of output tokens; of such a job it is 0.
    `resumable` says whether such rows go again when the job is taken up. `stopped` says why nothing
    more was sent, where that is so; `open_batches` names those whose end was not waited for; `files_left` are the
    remote files that this key may not delete, `files_kept` those of batches that say they finished rows of which
    nothing could be read: both expire. `bill` is None of a job that is known by its table alone.

    `from_store` counts the rows whose answers were kept by an answer store, `copies` those that have the answer of
    a row that sent the very same; `saved_usd` is what both would have cost in batches, None where nobody knows.
    `new_rows` says of a source with a watermark which rows were taken, `not_loaded` why results stay in the job's
    folder (`destination`) that were to go into a table of a database.

    A run that was detached reports how its job stands: `finished_at` is None then, no outcome is counted yet, and
    `unsent_files` counts the input files that wait for room.
    """

    job_key: str
    rows: int
    answered: int
    cut_off: int = 0
    outcomes: dict[str, int]
    reasons: dict[str, int] = Field(default_factory=dict)
    resumable: bool = True
    rounds: int
    batches: tuple[BatchSummary, ...]
    tokens: TokenCounts
    bill: Bill | None = None
    from_store: int = 0
    copies: int = 0
    saved_usd: Dollars | None = None
    destination: str
    stopped: str | None = None
    open_batches: tuple[str, ...] = ()
    unsent_files: int = 0
    new_rows: str = ""
    not_loaded: str = ""
    files_left: tuple[str, ...] = ()
    files_kept: tuple[str, ...] = ()
    started_at: datetime
    finished_at: datetime | None

    @property
    def known_reasons(self) -> dict[str, int]:
        """How many rows have no answer, by why; where that was not counted, by their outcomes."""
        return self.reasons or {name: count for name, count in self.outcomes.items() if name != "succeeded"}

    @property
    def missing(self) -> str:
        """The same in words; empty where every row has its answer."""
        return named(self.known_reasons, NAMED_REASONS)

    @property
    def shortfall(self) -> tuple[str, ...]:
        """What is missing or cut, what stopped the job, what was not loaded: a sentence each, where it is so."""
        missing = f"Missing: {self.missing}" if self.missing else ""
        told = (missing, self.cut, self.stopped or "", self.not_loaded)
        return tuple(f"{sentence.removesuffix('.')}." for sentence in told if sentence)

    @property
    def cut(self) -> str:
        """How many answers were cut off at their length, and what helps; empty where none was."""
        told = (
            f"{counted(self.cut_off, 'answer')} cut off at the length limit: give max_completion_tokens (of "
            "responses max_output_tokens) more room"
        )
        return told if self.cut_off else ""

    @property
    def unsent(self) -> str:
        """The rows that have their answers for nothing, and what that saved; empty where there are none."""
        kinds = ((self.from_store, "from the answer store"), (self.copies, "by a row that sends the very same"))
        told = ", ".join(f"{counted(count, 'row')} answered {how}" for count, how in kinds if count)
        return told and f"{told}; saved {'not known' if self.saved_usd is None else dollars(self.saved_usd)}"

    @property
    def way_out(self) -> str | None:
        """What helps most of the rows without an answer; None where nobody knows."""
        return next((told for told in map(advice, self.reasons) if told), None)

    @property
    def complete(self) -> bool:
        """Whether the job is done, and every row has its answer."""
        return self.finished_at is not None and self.answered == self.rows


class Cleaned(Record):
    """The remote files that were deleted, those that may not be, and those with rows that could not be read."""

    file_ids: tuple[str, ...]
    left: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


REFUSED_TABLE = "refused_table.json"


class RefusedTable(Record):
    """What is left of a job of which OpenAI took nothing: its table, which the next job of its key may replace."""

    destination: str
