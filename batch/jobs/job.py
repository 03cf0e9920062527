"""A job and its folder: the records that say what is done, so that a new start does none of it again.

job.json                    the job: source, request, destination; frame.parquet: the source that was a DataFrame
rows.json, rows/            the rows as they were read, in parts
window.json, window.seen    which rows were new, and the mark that the job leaves
rounds/1/00000.json         what was built of selection 0: its input files; building-00000.json says who builds
rounds/1/00000-0/           an input file's folder: input.jsonl until its outcomes are there, items.parquet, the
                            records that `submissions.py` lists, outcomes-….arrow
rounds/1/00000-store/        the rows of selection 0 whose answers are kept in the answer store, as an input file's
rounds/1/00000-copy/         those that send what another row sends; firsts.parquet says which
rounds/1/00000.sent.parquet  digests of what selection 0 sends, where repeats are not sent
rounds/1/00000-0-rest.json  what goes on of it without the lines that validation refused; -cut.json: its pieces
rounds/1/adopted.json       the batches of an earlier start that were found at OpenAI
rounds/2/plan.json          the selections of a later round; 00000.rows.parquet: the rows of selection 0
planning.json               who plans just now what is answered at once
progress.json               the artifact in Prefect's UI that shows the job's progress
stopped.json, resumed.json  nothing more is sent, and why (cancelling.json: not yet); which run took that back
results.parquet             the results, where no file is named for them; loaded.json: a table holds them
report.json, cleaned.json   what became of the rows; nothing is left at OpenAI
refused_table.json          where the table of the job stands that OpenAI took nothing of, and that is gone
keep_days.json              how many days rows and answers stay here after the end; forgotten.json: it is removed
"""

from datetime import UTC, datetime
from typing import Any, Literal

from ..answer_store.answers import Answers
from ..errors import SourceError, StorageNotShared
from ..files.batches import Batch, BatchStatus
from ..files.identity import place_of
from ..files.input_files import InputFile
from ..files.pieces import not_in_pieces
from ..files.unpaid import STORE
from ..requests.request import Request
from ..side_by_side import side_by_side
from ..storage.folders import Folder
from ..storage.records import Record
from ..tables.any_source import Source
from ..tables.destinations import is_written
from ..tables.parts import Part
from ..tables.sql.sql_destination import Loaded, SqlDestination
from .deadlines import Deadline
from .report import CLEANED, REPORT, Cleaned, JobReport
from .stops import RESUMED, STOPPED, Resumed, Stop, StopCode, note_stop
from .submissions import begun, fetched, last_seen, may_be_paid, submitted
from .terms import Terms

JOB = "job.json"
RESULTS = "results.parquet"
LOADED = "loaded.json"
PLANNING = "planning.json"

IfExists = Literal["refuse", "replace"]


class Rows(Record):
    """The rows as they were read: how many, and in which parts."""

    rows: int
    parts: tuple[Part, ...]


class Selection(Record):
    """The rows that go into one build: in round 1 a whole part, later rows of any parts."""

    job_folder: str
    job_key: str
    round: int
    number: int
    rows: int

    @property
    def name(self) -> str:
        """The selection's number as its files are named by it."""
        return f"{self.number:05d}"


class Built(Record):
    """The input files that were built of one selection; `unsent` are its rows for which nothing is sent."""

    input_files: tuple[InputFile, ...]
    unsent: tuple[InputFile, ...] = ()


class Plan(Record):
    """The selections of a round, and whether they are asked by the synchronous API instead of in batches."""

    selections: tuple[Selection, ...]
    synchronous: bool = False


class Job(Record):
    """One logical run: a source, a request, a destination, and the folder that knows how far it is.

    `found` says that a table stood at the destination before the folder did, which may be the job's own, and what
    is to become of it if it is not; None once that is known. Of a job with a report it says: its answers stand in
    its table alone. `into` is a database's table, loaded from there. `begun_by` names the run that began it.
    """

    format_version: int = 1
    key: str
    folder: str
    source: Source
    request: Request
    destination: str
    into: SqlDestination | None = None
    source_digest: str | None = None
    key_given: bool = True
    deadline: Deadline | None = None
    found: IfExists | None = None
    terms: Terms = Terms()
    answers: Answers | None = None
    deduplicate: bool = False
    opened_at: datetime
    begun_by: str | None = None

    @property
    def files(self) -> Folder:
        """The job folder."""
        return Folder(self.folder)

    @property
    def is_contested(self) -> bool:
        """Whether a start elsewhere may send the same items: it may have the key, and not see the folder."""
        return self.key_given and self.files.is_local

    @property
    def own_destination(self) -> str:
        """Where the results go if nobody says otherwise."""
        return self.files.path(RESULTS)

    @property
    def table(self) -> str:
        """Where the results go, for people: a path, a URL, or a database's name and a table."""
        return self.destination if self.into is None else str(self.into)

    def round_folder(self, number: int) -> Folder:
        """The folder of a round."""
        return self.files / f"rounds/{number}"

    def rows(self) -> Rows | None:
        """The record of the rows, once they are read."""
        return self.files.read_settled("rows.json", Rows)

    def kept_rows(self, step: str) -> Rows:
        """The record of the rows, for a step that comes after they were read.

        Raises:
            SourceError: they were not.
        """
        rows = self.rows()
        if rows is None:
            raise SourceError(
                f"The rows of the job {self.key!r} are not read yet: read_source(job) comes before {step}(job).",
                path=self.source.name,
            )
        return rows

    def is_synchronous(self, number: int) -> bool:
        """Whether a round's items are asked one by one instead of in batches."""
        plan = self.round_folder(number).read("plan.json", Plan)
        return plan is not None and plan.synchronous

    def built(self, selection: Selection) -> tuple[InputFile, ...] | None:
        """The input files of a selection, once they are built."""
        record = self.round_folder(selection.round).read_settled(f"{selection.name}.json", Built)
        return None if record is None else record.input_files

    def input_files_of(self, number: int) -> list[InputFile]:
        """The input files of a round that are built, in the order of selections; pieces follow their whole."""
        files = (file for record in self._built(number) for file in record.input_files)
        return sorted(files, key=lambda file: place_of(file.name))

    def _built(self, number: int) -> list[Built]:
        folder = self.round_folder(number)
        found = side_by_side(lambda name: folder.read_settled(name, Built), folder.listed("[0-9]*.json"))
        return [built for _, built in found if built is not None]

    def unsent(self) -> list[InputFile]:
        """The rows of the first round for which nothing is sent, as if they were input files."""
        return [file for record in self._built(1) for file in record.unsent]

    def stopped(self) -> Stop | None:
        """Why nothing more is sent, where that is so."""
        return self.files.read(STOPPED, Stop)

    def stop(self, code: StopCode, message: str) -> None:
        """Send nothing more of this job; what is open is still collected.

        The first reason stays, unless the job is cancelled: whoever collects it then cancels its batches.
        """
        note_stop(self.files, Stop(code=code, message=message, stopped_at=datetime.now(UTC)))

    def resume(self, run_id: str) -> Resumed:
        """Take a stop back, once for each run: what stops the job while the run is at work stays."""
        known = self.files.read(RESUMED, Resumed)
        if known is not None and run_id in known.run_ids:
            return known
        self.files.remove(STOPPED)
        self.files.remove(CLEANED)
        resumed = Resumed(run_id=run_id, rounds=len(self.rounds()), earlier=known.run_ids if known else ())
        self.files.write(RESUMED, resumed)
        return resumed

    def with_destination(self, destination: str, into: SqlDestination | None = None) -> "Job":
        """The job with its table going elsewhere."""
        return self._rewritten(destination=destination, into=into)

    def with_deadline(self, deadline: Deadline | None) -> "Job":
        """The job with another time to be done by, or none, which counts from now on."""
        return self._rewritten(deadline=deadline)

    def with_terms(self, terms: Terms) -> "Job":
        """The job with another budget or other prices, which count from now on; what they do not say stays."""
        return self._rewritten(terms=self.terms.amended(terms))

    def with_answers(self, answers: Answers | None, *, deduplicate: bool) -> "Job":
        """The job with its answer store, and whether rows that send the very same are sent once."""
        return self._rewritten(answers=answers, deduplicate=deduplicate)

    def without_found(self) -> "Job":
        """The job with nothing at its destination that is its own."""
        return self._rewritten(found=None)

    def known_by_its_table(self) -> "Job":
        """The job, done, with its answers in its table alone."""
        return self._rewritten(found="refuse")

    def _rewritten(self, **changes: Any) -> "Job":
        changed = self.model_copy(update=changes)
        if changed != self:
            self.files.write(JOB, changed)
        return changed

    def is_written(self) -> bool:
        """Whether the job's table is there: its file, or a database's rows, of which a record tells."""
        if self.into is None:
            return is_written(self.destination)
        loaded = self.files.read(LOADED, Loaded)
        return loaded is not None and loaded.into == self.into

    def report(self) -> JobReport | None:
        """The report, once the job is done to its end and as long as its results are there."""
        cleaned = self.files.read(CLEANED, Cleaned)
        if cleaned is None or not self.is_written():
            return None
        report = self.files.read(REPORT, JobReport)
        return report and report.model_copy(update={"files_left": cleaned.left, "files_kept": cleaned.kept})

    def every_batch_was_refused(self) -> bool:
        """Whether OpenAI's validation has refused all that was sent in batches, if anything was."""
        sent = {batch.status for file in not_in_pieces(self.input_files()) if (batch := last_seen(file))}
        return sent == {BatchStatus.FAILED}

    def nothing_was_taken(self) -> bool:
        """Whether that is so, no row's answer is from the answer store, and nobody else has stopped the job."""
        stop, kept = self.stopped(), any(file.name.endswith(STORE) for file in self.unsent())
        return (stop is None or stop.by_openai) and not kept and self.every_batch_was_refused()

    def rounds(self) -> list[int]:
        """The numbers of the rounds that were begun."""
        return sorted(int(name) for name in (self.files / "rounds").listed())

    def input_files(self) -> list[InputFile]:
        """Every input file built so far, in the order of rounds and selections."""
        return [file for number in self.rounds() for file in self.input_files_of(number)]

    def batches(self) -> list[Batch]:
        """Every batch created so far, as it was when it was last recorded."""
        return [batch for _, batch in side_by_side(last_seen, self.input_files()) if batch is not None]

    def open_batches(self) -> list[Batch]:
        """The batches whose output is still to be fetched."""
        found = side_by_side(lambda file: None if fetched(file) else submitted(file), self.input_files())
        return [batch for _, batch in found if batch is not None]

    def begun_files(self) -> list[InputFile]:
        """The input files of whose way something is recorded: nothing of the others was ever sent."""
        return begun(self.files / "rounds", self.input_files())

    def has_sent(self) -> bool:
        """Whether anything of this job may have been sent to OpenAI, and be paid."""
        return any(map(may_be_paid, self.begun_files()))


def load_job(folder: str) -> Job:
    """The job in a folder that another process began.

    Raises:
        StorageNotShared: there is no job in that folder here.
    """
    job = Folder(folder).read(JOB, Job)
    if job is None:
        raise StorageNotShared(
            f"The job folder {folder} is not here. Every worker of a job needs the same storage: give `storage` "
            "as a URL that all of them reach.",
            folder=folder,
        )
    return job
