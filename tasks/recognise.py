"""Recognise the table that an earlier start has written, and finish what that start had begun to clean up."""

from collections.abc import Sequence

from prefect import task

from ..batch import clock
from ..batch.errors import JobKeyError
from ..batch.files.batches import Batch, BatchStatus
from ..batch.files.identity import one_each, remote_name, remote_name_of
from ..batch.jobs.job import Job
from ..batch.jobs.own_table import Told, read_own, read_told
from ..batch.jobs.report import CLEANED, REPORT, Cleaned, JobReport
from ..batch.tables.destinations import check_destination
from .options import KEPT_AS_JSON
from .remote.connection import Connection, connect
from .remote.deletion import delete_files
from .remote.listing import batches_of_job
from .shown.run_names import named


@task(name="recognise-table", task_run_name=named("recognise the table"), **KEPT_AS_JSON)
def recognise_table(job: Job, *, credentials: str | None = None) -> JobReport | None:
    """Finish a job whose table stood at its destination before its folder was there, if the table is its own.

    What is left of it at OpenAI is deleted, and its report is made of the table. Nothing is sent or written.

    Returns:
        The report; None where the job goes on: a batch is open, or the table lacks what it gave, or the table is
        not the job's and may be replaced.

    Raises:
        DestinationError: the table is not the job's own, and may not be replaced.
        JobKeyError: the job was recognised before, and its table is gone since.
    """
    with connect(credentials) as connection:
        return recognise(connection, job)


def recognise(connection: Connection, job: Job) -> JobReport | None:
    """As the task does, with a connection."""
    listed = batches_of_job(connection, job.key)
    told = read_own(job, listed)
    if told is None:
        _refuse_what_stands_there(job)
        return None
    batches = one_each(listed)
    if _nothing_was_taken(told, listed) or not _is_done(connection, told, batches):
        return None
    names = {remote_name(file) for file in job.input_files_of(1)} | {remote_name_of(batch) for batch in listed}
    removed, left = delete_files(connection, connection.files_named(names), listed)
    job.files.write(REPORT, told.report(job.key, job.destination, batches))
    job.files.write(CLEANED, Cleaned(file_ids=tuple(removed), left=tuple(left)))
    return job.report()


def _nothing_was_taken(told: Told, listed: Sequence[Batch]) -> bool:
    """Whether validation has refused every batch that the table names: a corrected start sends its rows anew."""
    refused = {batch.id for batch in listed if batch.status == BatchStatus.FAILED}
    return len(refused) == len(listed) > 0 and told.batch_ids <= refused


def _is_done(connection: Connection, told: Told, batches: Sequence[Batch]) -> bool:
    """Whether every batch has ended, and no output file holds answers that the table lacks; if any was sent."""
    if not (batches or told.batch_ids or told.answered):
        return False
    if not all(batch.has_ended(clock.now()) for batch in batches):
        return False
    return not any(connection.has_file(str(batch.output_file_id)) for batch in told.unread(batches))


def _refuse_what_stands_there(job: Job) -> None:
    check_destination(job.destination, job.found or "replace")
    if job.files.exists(REPORT):
        raise JobKeyError(
            f"The job {job.key!r} was done before, and its answers stood in its table alone ({job.destination}), "
            "which is gone. Choose another job key to pay for the answers again.",
            job_key=job.key,
        )


@task(name="recognise-recovered-table", task_run_name=named("recognise the table"), **KEPT_AS_JSON)
def recognise_recovered(batches: list[Batch], destination: str, *, credentials: str | None = None) -> int | None:
    """How many items a table of recovered answers holds, if it is made of these batches and lacks nothing of them.

    None where there is no such table.
    """
    told = read_told(destination, [])
    if told is None or not told.is_of(batches):
        return None
    with connect(credentials) as connection:
        return told.rows if _is_done(connection, told, batches) else None
