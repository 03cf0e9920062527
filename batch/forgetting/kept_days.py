"""Rows and answers of finished jobs, removed from their folders some days after the end.

What stays are the records that say how the job ended, a few kilobytes without a row in them: so the same job
started again says that it is done, and is not paid twice. Only answers go that stand in a table elsewhere.

When the rows of a job may go stands in the storage too, one small file a job whose name begins with the time: one
listing tells whose time has come, however many jobs there are.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from .. import clock
from ..jobs.job import JOB, LOADED, Job
from ..jobs.report import CLEANED, REPORT
from ..storage.folders import Folder
from ..storage.records import Record
from ..tables.parts import keep_schema_alone
from .own_answers import has_table_elsewhere, is_of_frame

KEEP_DAYS = "keep_days.json"

LEAVING = ".leaving"
"""The folder of a storage in which stands when whose rows go: `20261203T081500_reviews`."""

RECORDS = frozenset({JOB, REPORT, CLEANED, LOADED, KEEP_DAYS, "rows.json", "rows"})
"""What stays of a job; `rows` has only the columns."""

AT_MOST_SECONDS = 30.0
"""So long a run removes what others have left; the rest is the next one's."""

_FORM = "%Y%m%dT%H%M%S"


class KeepDays(Record):
    """How many days the rows and answers of a job stay in its folder after its end; None: for good."""

    days: float | None


class Leaves(Record):
    """When the rows of a job may go."""

    job_key: str
    at: datetime


def note_keep_days(job: Job, days: float | None) -> None:
    """Record how long a job's rows stay, as the run wishes that begins it, or that begins it again."""
    wish = KeepDays(days=days)
    if job.files.read(KEEP_DAYS, KeepDays) != wish:
        job.files.write(KEEP_DAYS, wish)


def note_leaving(job: Job) -> None:
    """Record in the storage when a finished job's rows may go, where they may at all."""
    at = leaves_at(job)
    if at is not None:
        leaves = Leaves(job_key=job.key, at=at)
        _leaving(storage_of(job)).write(f"{at.strftime(_FORM)}_{job.key}", leaves)


def leaves_at(job: Job) -> datetime | None:
    """When the rows of a job may go; None where they may not.

    They may if every row has its answer, nothing of it is left to be cleaned up, its table is there, and outside
    its folder, and days are set for them to stay. Those of a job that is known by its table alone are gone.
    """
    wish = job.files.read(KEEP_DAYS, KeepDays)
    if wish is None or wish.days is None:
        return None
    report = job.report()
    if report is None or report.finished_at is None:
        return None
    if job.found is not None or not report.complete or not has_table_elsewhere(job):
        return None
    if job.into is not None and is_of_frame(job):  # no frame can be given back of a database's table
        return None
    try:
        return report.finished_at + timedelta(days=wish.days)
    except OverflowError:  # so many days are for good
        return None


def empty_folders(storage: Folder, in_use: str | None = None) -> list[str]:
    """Remove the rows and answers of jobs whose time has come, for `AT_MOST_SECONDS`; the keys of those jobs.

    It may run in many processes at once, and be cut off. A folder that cannot be read or removed is left as it is.

    Args:
        storage: The folder that holds the job folders.
        in_use: The key of a job whose folder is at work now.
    """
    end, emptied = time.monotonic() + AT_MOST_SECONDS, []
    for name, key in _due(storage):
        if time.monotonic() > end:
            break
        if key == in_use:
            continue
        with suppress(Exception):
            if _empty_if_due(storage / key):
                emptied.append(key)
            _leaving(storage).remove(name)
    return emptied


def _due(storage: Folder) -> Iterator[tuple[str, str]]:
    """The files of those whose time has come, the first first, and the jobs' keys."""
    now = _now().strftime(_FORM)
    names = _leaving(storage).names()
    return (
        (name, name.partition("_")[2]) for name in takewhile(lambda name: name.partition("_")[0] <= now, names)
    )


def _empty_if_due(folder: Folder) -> bool:
    """Empty a job's folder, unless it is to stay after all; whether it was."""
    job = folder.read(JOB, Job)
    report = job.report() if job is not None and job.folder == folder.url else None
    if job is None or report is None or not report.complete:
        return False
    if job.found is None:
        at = leaves_at(job)
        if at is None or at > _now():
            return False
        job = job.known_by_its_table()
    for name in folder.names():  # also where somebody began to, and was cut off
        if name not in RECORDS:
            folder.remove(name)
    keep_schema_alone(folder)
    return True


def _leaving(storage: Folder) -> Folder:
    return storage / LEAVING


def storage_of(job: Job) -> Folder:
    """The folder that holds the job's folder, among others."""
    return Folder(job.folder.rpartition("/")[0])


def _now() -> datetime:
    return datetime.fromtimestamp(clock.now(), UTC)
