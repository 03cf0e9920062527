"""Whether what was paid of a job lies in its folder alone."""

from ..jobs.job import Job
from ..jobs.report import REPORT, command_for
from ..jobs.submissions import fetched
from ..tables.any_source import path_of
from ..urls import without_secrets


def has_table_elsewhere(job: Job) -> bool:
    """Whether the job's table is written, and lies outside its folder."""
    return not _lies_in_folder(job) and job.files.exists(REPORT) and job.is_written()


def why_lost_with_folder(job: Job) -> str | None:
    """What that is paid would be lost with the job's folder, in a sentence; None where nothing would."""
    if has_table_elsewhere(job) or not any(fetched(file) for file in job.input_files()):
        return None
    place = without_secrets(job.table)
    if _lies_in_folder(job) and job.files.exists(REPORT):
        return f"Its results lie in its folder alone, {place}: copy them first."
    return (
        f"Its answers, which are paid, lie in its folder alone: its table is not at {place}. "
        f"{command_for('resume', job.folder, '--to other.parquet')} writes it."
    )


def is_of_frame(job: Job) -> bool:
    """Whether the source is a DataFrame, which was written to the job's folder."""
    return (path_of(job.source) or "").startswith(f"{job.folder.rstrip('/')}/")


def _lies_in_folder(job: Job) -> bool:
    return job.into is None and job.destination.startswith(f"{job.folder.rstrip('/')}/")
