"""A job and its folder: the records that say what is done, so that a new start does none of it again.

job.json                   the job: source, request, destination
rows.json, rows/           the rows as they were read, in parts
rounds/1/00000.json        what was built of selection 0: its input files
rounds/1/00000-0/          an input file's folder: input.jsonl, items.parquet, creating.json,
                           submitted.json, outcomes.parquet, fetched.json
rounds/1/adopted.json      the batches of an earlier start that were found at OpenAI
rounds/2/plan.json         the selections of a later round, and each one's rows
results.parquet            the results, where no destination is given
report.json                what became of the rows
cleaned.json               nothing is left at OpenAI
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from .batches import Batch
from .bodies import compile_request
from .errors import DestinationError, JobKeyError, StorageNotShared, refusals_of
from .input_files import InputFile
from .outcome_files import FetchedOutput
from .reports import JobReport
from .requests import Request, load_request
from .storage import Folder, open_url
from .tables.destinations import check_destination
from .tables.parts import Part
from .tables.sources import FileSource, check_source

CLEANED = "cleaned.json"
"""The last record of a job: its remote files are gone."""

JOB_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

IfExists = Literal["refuse", "replace"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Rows(_Record):
    """The rows as they were read: how many, and in which parts."""

    rows: int
    parts: tuple[Part, ...]


class Selection(_Record):
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


class Built(_Record):
    """The input files that were built of one selection."""

    input_files: tuple[InputFile, ...]


class Plan(_Record):
    """The selections of a round."""

    selections: tuple[Selection, ...]


class Claim(_Record):
    """Who is about to create a batch for an input file, and since when."""

    claimed_at: datetime
    attempt: int = 1


class Adopted(_Record):
    """The batches of a round that were found at OpenAI when the job folder was new."""

    batch_ids: tuple[str, ...]


class Cleaned(_Record):
    """The remote files that were deleted."""

    file_ids: tuple[str, ...]


class Job(_Record):
    """One logical run: a source, a request, a destination, and the folder that knows how far it is."""

    format_version: int = 1
    key: str
    folder: str
    source: FileSource
    request: Request
    destination: str
    source_digest: str | None = None
    key_given: bool = True
    opened_at: datetime

    @property
    def files(self) -> Folder:
        """The job folder."""
        return Folder(self.folder)

    def round_folder(self, number: int) -> Folder:
        """The folder of a round."""
        return self.files / f"rounds/{number}"

    def rows(self) -> Rows | None:
        """The record of the rows, once they are read."""
        return self.files.read("rows.json", Rows)

    def built(self, selection: Selection) -> tuple[InputFile, ...] | None:
        """The input files of a selection, once they are built."""
        record = self.round_folder(selection.round).read(f"{selection.name}.json", Built)
        return None if record is None else record.input_files

    def report(self) -> JobReport | None:
        """The report, once the job is done to its end and as long as its results are there."""
        filesystem, path = open_url(self.destination)
        done = self.files.exists(CLEANED) and filesystem.exists(path)
        return self.files.read("report.json", JobReport) if done else None

    def input_files(self) -> list[InputFile]:
        """Every input file built so far, in the order of rounds and selections."""
        rounds = [int(name) for name in (self.files / "rounds").names("*")]
        return [file for number in sorted(rounds) for file in self._built_in(number)]

    def _built_in(self, number: int) -> list[InputFile]:
        folder = self.round_folder(number)
        records = [folder.read(name, Built) for name in folder.names("[0-9]*.json")]
        return [file for record in records if record for file in record.input_files]

    def batches(self) -> list[Batch]:
        """Every batch created so far, as it was when it was last recorded."""
        found = [last_seen(file) for file in self.input_files()]
        return [batch for batch in found if batch is not None]

    def has_sent(self) -> bool:
        """Whether anything of this job may have reached OpenAI as a batch."""
        records = ("creating.json", "submitted.json")
        return any(file.files.exists(name) for file in self.input_files() for name in records)


def submitted(file: InputFile) -> Batch | None:
    """The batch of an input file as it was created, once it is."""
    return file.files.read("submitted.json", Batch)


def fetched(file: InputFile) -> FetchedOutput | None:
    """What was fetched for an input file, once it is."""
    return file.files.read("fetched.json", FetchedOutput)


def last_seen(file: InputFile) -> Batch | None:
    """The batch of an input file as its records last say."""
    done = fetched(file)
    return done.batch if done else submitted(file)


def load_job(folder: str) -> Job:
    """The job in a folder that another process began.

    Raises:
        StorageNotShared: there is no job in that folder here.
    """
    job = Folder(folder).read("job.json", Job)
    if job is None:
        raise StorageNotShared(
            f"The job folder {folder} is not here. Every worker of a job needs the same storage: give `storage` "
            "as a URL that all of them reach.",
            folder=folder,
        )
    return job


def open_job(
    source: FileSource | str,
    request: Request | str,
    destination: str | None = None,
    *,
    job_key: str,
    storage: str,
    if_exists: IfExists = "refuse",
    source_digest: str | None = None,
    key_given: bool = True,
) -> Job:
    """The job of this key: begun now, or as it was begun before.

    Everything that can be refused without reading all rows is refused here, before anything is written.

    Args:
        source: The table, or its path or URL.
        request: How a row becomes an item, or the path or URL of a request file.
        destination: Where the results go; None keeps them in the job folder.
        job_key: The job's name, `[a-z0-9][a-z0-9._-]{0,63}`.
        storage: The folder or URL that holds the job folders.
        if_exists: What to do with a destination that is there already.
        source_digest: A digest of the source's content, where one was made.
        key_given: Whether the key may have been used before elsewhere, so that OpenAI's list is looked at once.

    Raises:
        Refused: the key, the source, the request or the destination cannot be used; the message says why.
    """
    check_job_key(job_key)
    wanted = _describe(source, request, destination, job_key, storage).model_copy(
        update={"source_digest": source_digest, "key_given": key_given}
    )
    known = wanted.files.read("job.json", Job)
    if known is not None:
        _refuse_other_job(known, wanted)
        return known
    _refuse_foreign_folder(wanted)
    if destination is not None:
        check_destination(wanted.destination, if_exists)
        if wanted.destination == wanted.source.path:
            raise DestinationError(
                f"The destination {wanted.destination} is the source itself; choose another.",
                path=wanted.destination,
            )
    columns = check_source(wanted.source)
    if columns is not None:
        with refusals_of(wanted.source.path):
            compile_request(wanted.request, columns)
    wanted.files.make()
    wanted.files.write("job.json", wanted)
    return wanted


OWN_NAMES = frozenset(
    {"frame.parquet", "job.json", "rows", "rows.json", "rounds", "report.json", "results.parquet"}
)
"""What stands in a job folder; see above."""


def _refuse_foreign_folder(job: Job) -> None:
    """A folder that is not a job's is never taken for one: a job that is refused removes its folder."""
    strangers = [name for name in job.files.names() if name not in OWN_NAMES]
    if strangers:
        raise JobKeyError(
            f"The folder {job.folder} is there already and holds {strangers[0]}, which is no job's. Choose "
            "another job key or another storage.",
            job_key=job.key,
        )


def check_job_key(job_key: str) -> None:
    """Refuse a key that cannot name a job.

    Raises:
        JobKeyError: it has other characters than a job key may have, or too many.
    """
    if not JOB_KEY.fullmatch(job_key):
        raise JobKeyError(
            f"The job key {job_key!r} cannot be used: it is up to 64 lower-case letters, digits, '.', '_' and "
            "'-', and begins with a letter or a digit.",
            job_key=job_key,
        )


def _describe(
    source: FileSource | str,
    request: Request | str,
    destination: str | None,
    job_key: str,
    storage: str,
) -> Job:
    if isinstance(source, str):
        source = FileSource(path=source)
    folder = Folder(absolute(storage)) / job_key
    return Job(
        key=job_key,
        folder=folder.url,
        source=source.model_copy(update={"path": absolute(source.path)}),
        request=load_request(request) if isinstance(request, str) else request,
        destination=absolute(destination) if destination else folder.path("results.parquet"),
        opened_at=datetime.now(UTC),
    )


def absolute(url: str) -> str:
    """A URL as it is, a local path from the root: another process may stand in another folder."""
    filesystem, path = open_url(url)
    return str(Path(path)) if "file" in filesystem.protocol else url


def _refuse_other_job(known: Job, wanted: Job) -> None:
    same_content = None in (known.source_digest, wanted.source_digest) or (
        known.source_digest == wanted.source_digest
    )
    differs = [
        name
        for name, same in {
            "source": known.source == wanted.source,
            "source's content": same_content,
            "request": known.request == wanted.request,
            "destination": known.destination == wanted.destination,
        }.items()
        if not same
    ]
    if differs:
        raise JobKeyError(
            f"The job key {known.key!r} was used before with another {differs[0]} (folder {known.folder}). "
            "Choose another key, or remove that folder if its results are no longer needed.",
            job_key=known.key,
        )
