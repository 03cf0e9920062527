"""Cancel one batch, or all that a job has open at OpenAI."""

from collections.abc import Iterable, Iterator

from prefect import task

from ..batch import clock
from ..batch.errors import BatchUnknown
from ..batch.files.batches import REFUSED, Batch
from ..batch.files.identity import identity_of
from ..batch.files.input_files import InputFile
from ..batch.jobs.job import Job
from ..batch.jobs.options import SETTLE_SECONDS
from ..batch.jobs.submissions import fetched, has_claim, last_claim, note_submission, submitted
from .options import KEPT_AS_JSON
from .remote.connection import Connection, connect
from .remote.listing import find_created
from .remote.looking import is_lost
from .remote.tries import FINDING
from .remote.twins import keep_one
from .shown.run_names import named


@task(name="cancel-batch", task_run_name=named("cancel a batch"), **KEPT_AS_JSON)
def cancel_batch(batch_id: str, *, credentials: str | None = None) -> Batch:
    """Ask OpenAI to cancel a batch; one that has ended already stays as it is.

    What the batch has finished is kept and billed, and it takes OpenAI ten minutes or more to end it.

    Raises:
        BatchUnknown: OpenAI does not know it.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, cancel_batch, submit_batch

        batch = submit_batch([ChatRequest(model="gpt-5-mini", prompt="Name a colour.").item("colour")])
        print(cancel_batch(batch.id).status)
        ```
    """
    with connect(credentials) as connection:
        return FINDING.call(connection.cancel, batch_id)


@task(name="cancel-job", task_run_name=named("cancel the batches"), **KEPT_AS_JSON)
def cancel_job(job: Job, *, settle_seconds: float = SETTLE_SECONDS, credentials: str | None = None) -> list[Batch]:
    """Ask OpenAI to cancel every open batch of a job, those too whose creation got no answer.

    Returns:
        The batches as they stand now. What they have finished is kept and billed; fetch it when they have ended.

    Raises:
        BatchUnknown: OpenAI does not know some of them; the others are cancelled.

    Example:
        ```python
        from prefect_openai_batch import cancel_job, open_job

        job = open_job("reviews.csv", "label_reviews.yaml", "labelled.csv", job_key="reviews", storage="jobs")
        cancelled = cancel_job(job)
        ```
    """
    with connect(credentials) as connection:
        return cancel_batches(connection, job, settle_seconds)


def cancel_batches(connection: Connection, job: Job, settle_seconds: float) -> list[Batch]:
    """Cancel a job's recorded batches at once, then those that a claim without a record may have created.

    Raises:
        BatchUnknown: some are not known; the others are cancelled.
    """
    cancelled: list[Batch] = []
    unknown: list[Batch] = []
    for batch in job.open_batches():
        if batch.id.startswith(REFUSED):  # OpenAI has never had it
            continue
        try:
            cancelled.append(connection.cancel(batch.id))
        except BatchUnknown:
            unknown.append(batch)
    claimed = [file for file in job.input_files() if fetched(file) is None and submitted(file) is None]
    cancelled += [connection.cancel(found.id) for found in _settled(connection, claimed, settle_seconds)]
    missed = [batch for batch in unknown if not is_lost(connection, batch)]
    return [*cancelled, *(FINDING.call(connection.cancel, batch.id) for batch in missed)]


def find_claimed(files: Iterable[InputFile], *, settle_seconds: float, credentials: str | None) -> list[Batch]:
    """The batches of those input files that have one, also where its creation got no answer; all are recorded."""
    known = [(file, submitted(file)) for file in files]
    found = [batch for _, batch in known if batch is not None]  # whoever stopped the job was faster
    claimed = [file for file, batch in known if batch is None and has_claim(file)]
    if claimed:
        with connect(credentials) as connection:
            found += _settled(connection, claimed, settle_seconds)
    return found


def _settled(connection: Connection, files: Iterable[InputFile], settle_seconds: float) -> Iterator[Batch]:
    claims = [(file, last_claim(file)[1]) for file in files]
    begun = clock.now()  # all of them were seen by now: they settle side by side
    for file, claim in claims:
        if claim is not None:
            since = claim.claimed_at.timestamp()
            if found := find_created(connection, identity_of(file), since, settle_seconds, begun):
                yield note_submission(file, keep_one(connection, file, found))
