"""Cancel one batch, or all that a job has open at OpenAI."""

import logging
from collections.abc import Iterable, Iterator
from functools import partial

from prefect import task

from ..batch import clock
from ..batch.errors import BatchUnknown
from ..batch.files.batches import REFUSED, Batch
from ..batch.files.identity import identity_of
from ..batch.files.input_files import InputFile
from ..batch.jobs.job import Job
from ..batch.jobs.options import SETTLE_SECONDS
from ..batch.jobs.submissions import fetched, has_claim, last_claim, note_submission, submitted
from ..batch.side_by_side import side_by_side
from .options import KEPT_AS_JSON
from .remote.connection import Connection, connect
from .remote.listing import find_created
from .remote.looking import is_lost
from .remote.tries import CHECKING, FINDING, LISTING, READING, kind_of, may_pass
from .remote.twins import keep_one
from .shown.run_names import named

log = logging.getLogger(__name__)


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
def cancel_job(
    job: Job, *, settle_seconds: float = SETTLE_SECONDS, credentials: str | None = None, again: bool = True
) -> list[Batch]:
    """Ask OpenAI to cancel every open batch of a job, those too whose creation got no answer.

    Args:
        job: The job.
        settle_seconds: How long to look for a batch whose creation got no answer.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
        again: Whether what does not get through is tried for minutes; else for seconds, for who comes back to it.

    Returns:
        The batches as they stand now. What they have finished is kept and billed; fetch it when they have ended.

    Raises:
        BatchUnknown: OpenAI does not know some of them; the others are cancelled.
        APIError: some could not be cancelled, as the log says; the others are.

    Example:
        ```python
        from prefect_openai_batch import cancel_job, open_job

        job = open_job("reviews.csv", "label_reviews.yaml", "labelled.csv", job_key="reviews", storage="jobs")
        cancelled = cancel_job(job)
        ```
    """
    with connect(credentials, READING if again else CHECKING) as connection:
        return cancel_batches(connection, job, settle_seconds)


def cancel_batches(connection: Connection, job: Job, settle_seconds: float) -> list[Batch]:
    """Cancel a job's recorded batches at once, then those that a claim without a record may have created.

    Raises:
        BatchUnknown: some are not known; the others are cancelled.
        APIError: some could not be cancelled, which may pass; the others are.
    """
    failed: list[Exception] = []
    opened = [batch for batch in job.open_batches() if not batch.id.startswith(REFUSED)]  # OpenAI never had those
    cancelled = _cancel_each(connection, opened, failed)
    claimed = [file for file in job.input_files() if fetched(file) is None and submitted(file) is None]
    try:
        for found in _settled(connection, claimed, settle_seconds):
            cancelled += _cancel_each(connection, [found], failed)
    except Exception as error:
        failed.append(error)
    if failed:
        raise min(failed, key=lambda error: not may_pass(error))  # what is worth another try says so
    return cancelled


def _cancel_each(connection: Connection, batches: Iterable[Batch], failed: list[Exception]) -> list[Batch]:
    """Cancel these side by side: while one is tried again, the others would run on and be billed."""
    tried = side_by_side(partial(_try_to_cancel, connection), batches)
    for batch, outcome in tried:
        if isinstance(outcome, Exception):
            log.warning("%s could not be cancelled: %s", batch.id, kind_of(outcome))
            failed.append(outcome)
    return [outcome for _, outcome in tried if isinstance(outcome, Batch)]


def _try_to_cancel(connection: Connection, batch: Batch) -> Batch | Exception | None:
    """A batch as it stands when it is cancelled, or why it could not be; None of one that is lost."""
    try:
        try:
            return FINDING.call(connection.cancel, batch.id)
        except BatchUnknown:
            if is_lost(connection, batch):
                return None
            raise
    except Exception as error:
        return error


def find_claimed(files: Iterable[InputFile], *, settle_seconds: float, credentials: str | None) -> list[Batch]:
    """The batches of those input files that have one, also where its creation got no answer; all are recorded."""
    known = [(file, submitted(file)) for file in files]
    found = [batch for _, batch in known if batch is not None]  # whoever stopped the job was faster
    claimed = [file for file, batch in known if batch is None and has_claim(file)]
    if claimed:
        with connect(credentials, LISTING) as connection:
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
