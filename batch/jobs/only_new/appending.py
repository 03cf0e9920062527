"""New rows of night after night in one table: none of them twice, and none taken away."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...errors import DestinationError
from ...leases import Lease
from ...storage.folders import Folder
from ...tables.any_source import Source
from ...tables.sql.sql_destination import SqlDestination
from ..job import Job
from ..report import JobReport, command_for
from .window import window_of

APPENDING = ".appending"
"""What begins the name of the record of a storage that says which mark's rows a job is just appending."""

OF_A_TABLE = "say `append`, or `upsert` with key columns"
OF_A_FILE = (
    "leave it out (--overwrite), and give each night a file of its own, as night-{scheduled:%Y-%m-%d}.parquet "
    "is, or let a table of a database take them all"
)
"""What is to be done instead."""


def check_keeps_earlier_rows(
    source: Source | str, destination: SqlDestination | str | None, if_exists: str = "refuse"
) -> None:
    """Refuse to replace a table's rows by the new ones alone: those of the nights before would be gone.

    Raises:
        DestinationError: that is asked for.
    """
    if isinstance(source, str) or source.watermark is None or destination is None:
        return
    ways = OF_A_FILE
    if isinstance(destination, SqlDestination):
        if_exists, ways = destination.if_exists, OF_A_TABLE
    if if_exists == "replace":
        raise DestinationError(
            f"{source.name} has a watermark, so a run brings only its new rows, and `replace` would empty "
            f"{destination} of all that were brought there before: {ways}.",
            path=str(destination),
        )


def waits_for_mark(job: Job) -> bool:
    """Whether a job's results may be loaded only once it leaves a mark.

    Without one another job takes the same rows again, and appended by both they would stand twice.
    """
    is_appended = job.into is not None and job.into.if_exists == "append" and not job.is_written()
    return is_appended and window_of(job) is not None


@contextmanager
def appended_in_turn(job: Job) -> Iterator[bool]:
    """Whether a job's results wait for its mark; then no other job of the storage looks at it in the block.

    Two that read from one mark would both find it where it was, as long as none of them has moved it, and append
    the same rows: a load may wait for its table for minutes.
    """
    window = window_of(job) if waits_for_mark(job) else None
    if window is None:
        yield False
        return
    storage = Folder(job.folder.rpartition("/")[0])  # not a folder in it, which would be another user's
    lease = Lease(storage, f"{APPENDING}-{window.key}.json", f"appends new rows of {job.source.name}")
    lease.take(lambda: None)
    try:
        yield True
    finally:
        lease.give_back()


def not_loaded(job: Job, report: JobReport) -> JobReport:
    """The report of a job whose results stay in its folder, which says so."""
    told = (
        f"Nothing was appended to {job.table}, for the job leaves no mark, and the next one takes its rows again: "
        f"its results stay in {job.destination}. Unless another job has moved the mark by then, "
        f"{command_for('resume', job.folder)} appends them, once enough rows are answered."
    )
    return report.model_copy(update={"destination": job.destination, "not_loaded": told})
