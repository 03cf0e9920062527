"""What goes on of a batch that OpenAI's validation refused, or that somebody cancelled."""

from prefect import task

from ..batch import clock
from ..batch.files.batches import Batch, BatchStatus
from ..batch.files.identity import identity_of
from ..batch.files.input_files import InputFile
from ..batch.jobs.job import Built, Job
from ..batch.jobs.submissions import note_refusal, note_submission, refusals
from ..batch.outcomes.validation import REST, Reason, kept_lines, note_refused, refused_lines, why_refused
from .options import KEPT_AS_JSON
from .remote.connection import Connection, connect
from .remote.listing import created_since
from .remote.twins import keep_one

FILE_ATTEMPTS = 3
"""How often an input file that validation does not find is uploaded anew."""

ROOM_SECONDS = 2 * 86_400
"""How long room is waited for among the enqueued tokens: for as long as others' batches may hold it."""


@task(name="reconsider-batch", **KEPT_AS_JSON)
def reconsider_batch(
    job: Job, batch: Batch, *, pause_seconds: float = 60.0, credentials: str | None = None
) -> list[InputFile]:
    """What is sent of the items of a batch that OpenAI's validation refused, or that somebody cancelled.

    Where validation lacked room or the file, that is the same input file, as the next attempt. Where it named
    lines, it is an input file of all others, and the named ones are recorded as failed. Where the model cannot be
    batched, or the account cannot pay, it is nothing, and the job is stopped. A batch that was cancelled because
    another process had created one for the same items gives way to that one.

    Args:
        job: The job.
        batch: A batch of it, ended as failed or cancelled.
        pause_seconds: How long to wait before the next attempt; longer each time, up to ten minutes.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.

    Returns:
        The input files that go on. Empty means that the batch is fetched like any other.
    """
    file = batch.input_file
    if file is None:
        return []
    with connect(credentials) as connection:
        if batch.status == BatchStatus.CANCELLED:
            return _follow_twin(connection, file, batch)
        return _reconsider(connection, job, file, batch, pause_seconds)


def _reconsider(
    connection: Connection, job: Job, file: InputFile, batch: Batch, pause_seconds: float
) -> list[InputFile]:
    reason = why_refused(batch.errors)
    if reason == Reason.MODEL:
        job.stop("model_not_found", f"{batch.why_failed} (batch {batch.id})")
    elif reason == Reason.QUOTA:
        job.stop("insufficient_quota", f"{batch.why_failed} (batch {batch.id})")
    elif reason == Reason.LINES:
        return _take_out(connection, job, file, batch)
    elif _worth_an_attempt(file, batch, reason):
        earlier = len(refusals(file).batches)
        note_refusal(file, batch, clock.now() + min(pause_seconds * 2**earlier, 600.0))
        return [file]
    return []


def _worth_an_attempt(file: InputFile, batch: Batch, reason: Reason) -> bool:
    earlier = refusals(file).batches
    if reason == Reason.NO_FILE:
        return len(earlier) + 1 < FILE_ATTEMPTS
    first = [*earlier, batch][0].created_at or clock.now()
    return reason == Reason.NO_ROOM and clock.now() - first < ROOM_SECONDS


def _take_out(connection: Connection, job: Job, file: InputFile, batch: Batch) -> list[InputFile]:
    """Record the lines that are named as failed; the others go on as input files of the same round."""
    refused = refused_lines(connection.batch_errors(batch.id))
    rest = kept_lines(file, refused) if refused else []
    job.round_folder(file.round).write(f"{file.name}{REST}.json", Built(input_files=tuple(rest)))
    file.files.write("fetched.json", note_refused(file, batch, refused or refused_lines(batch.errors)))
    return rest


def _follow_twin(connection: Connection, file: InputFile, batch: Batch) -> list[InputFile]:
    """The input file with its record turned to the batch that stays, where there is another one."""
    others = [
        other
        for other in created_since(connection, identity_of(file), batch.created_at or clock.now())
        if other.id != batch.id and other.status not in (BatchStatus.CANCELLED, BatchStatus.CANCELLING)
    ]
    if not others:
        return []
    note_submission(file, keep_one(connection, file, [*others, batch]))
    return [file]
