"""Adopt the batches that an earlier start of the same job has left at OpenAI, where its folder is gone."""

from prefect import task

from ..batch.errors import JobKeyError
from ..batch.files.batches import Batch
from ..batch.files.identity import one_each
from ..batch.files.input_files import InputFile
from ..batch.jobs.job import Job
from ..batch.jobs.own_table import foreign_batches
from ..batch.jobs.submissions import has_claim, submitted
from ..batch.storage.records import Record
from .options import KEPT_AS_JSON
from .remote.adoption import adopt_listed
from .remote.connection import Connection, connect
from .remote.listing import batches_of_job
from .shown.run_names import named


class Adopted(Record):
    """The batches of a round that were found at OpenAI when the job folder was new."""

    batch_ids: tuple[str, ...]


@task(name="adopt-batches", task_run_name=named("look for earlier batches"), **KEPT_AS_JSON)
def adopt_batches(job: Job, round_number: int, *, credentials: str | None = None) -> list[str]:
    """Record the batches that OpenAI lists for the input files of a round, and that have no record here.

    They are found by the identity in their metadata, in one listing back to OpenAI's longest file expiry. A batch
    that failed at validation is adopted only where its items went on in pieces. Of two with one identity the one
    is adopted that stays.

    Returns:
        The ids of the adopted batches.

    Raises:
        JobKeyError: the key was used before with something else, or for a job that is done: a batch of it has
            ended, and its output is deleted.
    """
    sent = {file.folder for file in job.begun_files() if submitted(file) or has_claim(file)}
    files = [file for file in job.input_files_of(round_number) if file.folder not in sent]
    with connect(credentials) as connection:
        adopted = adopt(connection, job, files) if files else []
    job.round_folder(round_number).write("adopted.json", Adopted(batch_ids=tuple(adopted)))
    return adopted


def adopt(connection: Connection, job: Job, files: list[InputFile]) -> list[str]:
    """Record the batches of these input files that are listed at OpenAI, and return their ids."""
    listed = batches_of_job(connection, job.key)
    _refuse_others(job, listed, files)
    return adopt_listed(connection, job, listed, files)


def _refuse_others(job: Job, listed: list[Batch], files: list[InputFile]) -> None:
    """Batches of this job and round that none of our input files made belong to another source or request.

    Or they were cut otherwise: on a budget, or where enqueued tokens are bounded, there are more of them.
    """
    for batch in foreign_batches(job, listed, {file.round for file in files}):
        raise JobKeyError(
            f"The job key {job.key!r} was used before with another source or request, or with another "
            f"budget or bound on enqueued tokens or none: the batch {batch.id} bears it. Choose another key.",
            job_key=job.key,
        )


@task(name="find-job-batches", task_run_name=named("find the batches"), **KEPT_AS_JSON)
def find_job_batches(job_key: str, *, credentials: str | None = None) -> list[Batch]:
    """The batches that bear a job's key, as far back as OpenAI keeps their files, one for each input file.

    They are in the order of rounds and input files. Batches that failed at validation are not among them.

    Raises:
        JobKeyError: there is none.
    """
    with connect(credentials) as connection:
        found = one_each(batches_of_job(connection, job_key))
        if not found:
            raise JobKeyError(
                f"OpenAI lists no batch of a job {job_key!r}, asked with {connection.account}.", job_key=job_key
            )
        return found
