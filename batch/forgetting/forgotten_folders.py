"""A job's folder removed whole, in a way that a start of the job can tell at every moment.

Without its records a job would be paid again. So a note comes first that it is being forgotten, and goes last: who
starts the job meanwhile, or after a removal that was cut off, is refused.
"""

from datetime import UTC, datetime

from .. import clock
from ..errors import JobAtWork
from ..jobs.job import JOB, RESULTS, Job
from ..jobs.own_table import table_is_gone
from ..jobs.report import CLEANED, REFUSED_TABLE, REPORT, command_for
from ..storage.folders import Folder
from ..storage.records import Record

FORGOTTEN = "forgotten.json"


class BeingForgotten(Record):
    """Somebody is removing the folder, since when."""

    begun_at: datetime


def begin_to_forget(folder: Folder) -> None:
    """Note that the folder is being removed."""
    folder.write(FORGOTTEN, BeingForgotten(begun_at=datetime.fromtimestamp(clock.now(), UTC)))


def stop_forgetting(folder: Folder) -> None:
    """Take the note back, while everything is there still."""
    folder.remove(FORGOTTEN)


def is_half_forgotten(folder: Folder) -> bool:
    """Whether somebody has begun to remove the folder."""
    return folder.exists(FORGOTTEN)


def remove_folder(folder: Folder) -> None:
    """Remove a folder that is noted as being forgotten; what is not there counts as removed."""
    for name in folder.names():
        if name not in (JOB, FORGOTTEN):
            folder.remove(name)
    folder.remove(JOB)
    folder.remove()


def check_folder_stays(job: Job) -> None:
    """Refuse to begin or go on with a job whose folder is being removed, or is emptied and its table gone.

    Raises:
        JobAtWork: it is being removed, or its removal was cut off.
        JobKeyError: its rows and answers were removed, and so was its table.
    """
    if is_half_forgotten(job.files):
        raise JobAtWork(
            f"The job {job.key!r} is being forgotten (folder {job.folder}). Where that was cut off, "
            f"{command_for('forget', job.folder)} brings it to its end; then its key can be used.",
            job_key=job.key,
        )
    if job.found is not None and job.files.exists(REPORT) and job.files.exists(CLEANED) and job.report() is None:
        raise table_is_gone(job)


def make_way(job: Job) -> None:
    """Remove the folder of a job that has cost nothing, so that a corrected one may use the key.

    A table of refused rows stays. Where the removal is cut off, the note stays too and refuses the key: nothing of
    what is left is taken for the corrected job's.
    """
    begin_to_forget(job.files)
    kept = {REFUSED_TABLE, RESULTS}.intersection(job.files.names())
    if kept:
        for name in {*job.files.names()} - {*kept, JOB, FORGOTTEN}:
            job.files.remove(name)
        job.files.remove(JOB)
        stop_forgetting(job.files)
    else:
        remove_folder(job.files)
