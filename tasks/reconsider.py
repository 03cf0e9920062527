"""What goes on of a batch that OpenAI's validation refused, or that somebody cancelled."""

from openai import APIStatusError
from prefect import task

from ..batch import clock
from ..batch.files.batches import WINDOW_SECONDS, Batch, BatchStatus
from ..batch.files.identity import enqueued_of, identity_of
from ..batch.files.input_files import InputFile
from ..batch.files.pieces import CUT, REST, cuts_listed
from ..batch.flight.cuts import cut, cuts_of, note_cut, pieces_of, record_pieces, recorded_pieces, told_limit
from ..batch.flight.enqueued import LIVE
from ..batch.jobs.job import Job
from ..batch.jobs.submissions import (
    is_past,
    note_fetched,
    note_kept_upload,
    note_refusal,
    note_submission,
    put_off,
    refusals,
)
from ..batch.outcomes.by_row.without_lines import final_refusal
from ..batch.outcomes.validation import Reason, kept_lines, note_refused, refused_lines, why_refused
from ..batch.prices import undated
from .options import KEPT_AS_JSON
from .remote.adoption import adopt_listed
from .remote.connection import NOT_ALLOWED, Connection, connect
from .remote.listing import batches_of_job, created_since
from .remote.tries import LISTING
from .remote.twins import keep_one
from .shown.run_names import named

FILE_ATTEMPTS = 3
"""How often an input file that validation does not find is uploaded anew."""

LONGEST_PAUSE_SECONDS = 600.0
"""Between two attempts."""

ROOM_SECONDS = 2 * 86_400
"""How long room is waited for among the enqueued tokens: for as long as others' batches may hold it."""


@task(name="reconsider-batch", task_run_name=named("reconsider"), **KEPT_AS_JSON)
def reconsider_batch(
    job: Job, batch: Batch, *, pause_seconds: float = 60.0, credentials: str | None = None
) -> list[InputFile]:
    """What is sent of the items of a batch that OpenAI's validation refused, or that somebody cancelled.

    Where validation did not find the file, that is the same input file, as the next attempt. Where it lacked room
    among the model's enqueued tokens, it is that file's pieces, or the same file where others hold all the room;
    an item over the limit that OpenAI names is recorded as failed, and so is one that may be over it and was
    refused a third time, with no other batch of ours beside it. Where it named
    lines, it is an input file of all others, and the named ones are recorded as failed. Where the model cannot be
    batched, or the account cannot pay, it is nothing, and the job is stopped. A batch that was cancelled because
    another process had created one for the same items gives way to that one, and so does one that another process
    has reconsidered: the same input file goes on, with the batch that it has by now.

    Args:
        job: The job.
        batch: A batch of it, ended as failed or cancelled.
        pause_seconds: How long to wait before the next attempt; longer each time, up to ten minutes.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.

    Returns:
        The input files that go on. Empty means that the batch is fetched like any other.
    """
    with connect(credentials, LISTING) as connection:
        return reconsider(connection, job, batch, pause_seconds)


def reconsider(connection: Connection, job: Job, batch: Batch, pause_seconds: float) -> list[InputFile]:
    """As the task does, with a connection."""
    file, reason = batch.input_file, why_refused(batch.errors)
    if file is None:
        return []
    if is_past(batch):
        return [file]
    if batch.status == BatchStatus.CANCELLED:
        return _follow_twin(connection, file, batch)
    if reason == Reason.MODEL:
        job.stop("model_not_found", f"{batch.why_failed} (batch {batch.id})")
    elif reason == Reason.QUOTA:
        job.stop("insufficient_quota", f"{batch.why_failed} (batch {batch.id})")
    elif reason == Reason.LINES:
        return _take_out(connection, job, file, batch)
    elif reason == Reason.NO_ROOM:
        return _make_room(connection, job, file, batch, pause_seconds)
    elif reason == Reason.NO_FILE and len(_refused_for(file, reason)) + 1 < FILE_ATTEMPTS:
        return _later(file, batch, pause_seconds)
    return []


def _later(file: InputFile, batch: Batch, pause_seconds: float) -> list[InputFile]:
    """The same file as its next attempt, longer after the last one each time."""
    earlier = len(refusals(file).batches)
    note_refusal(file, batch, clock.now() + min(pause_seconds * 2**earlier, LONGEST_PAUSE_SECONDS))
    return [file]


def _wait_for_room(file: InputFile, batch: Batch, pause_seconds: float) -> list[InputFile]:
    """The same file again, with the upload that it has, for as long as others' batches may hold the room."""
    first = [*_refused_for(file, Reason.NO_ROOM), batch][0].created_at or clock.now()
    if clock.now() - first >= ROOM_SECONDS:
        return []
    if batch.input_file_id:
        note_kept_upload(file, batch.input_file_id)
    return _later(file, batch, pause_seconds)


def _refused_for(file: InputFile, reason: Reason) -> list[Batch]:
    """The earlier attempts of an input file that were refused for a reason."""
    return [earlier for earlier in refusals(file).batches if why_refused(earlier.errors) == reason]


def _make_room(
    connection: Connection, job: Job, file: InputFile, batch: Batch, pause_seconds: float
) -> list[InputFile]:
    """The pieces of an input file, which are recorded before it is closed; or itself, or nothing more of it."""
    made = recorded_pieces(job, file, CUT)
    if not made:
        listed = _listed(connection, job, batch)
        known = cuts_listed(file, listed)
        alone = known is not None or _was_alone(connection, file, batch)
        count = len(_refused_for(file, Reason.NO_ROOM)) + 1
        pieces = known or pieces_of(file, told_limit(batch.errors), alone=alone, refusals=count)
        if pieces == 0:
            refusal = final_refusal("token_limit_exceeded", batch.why_failed)
            note_fetched(file.files, note_refused(file, batch, {0: refusal}))
            return []
        if pieces == 1:
            return _wait_for_room(file, batch, pause_seconds)
        made = cut(file, pieces)
        adopt_listed(connection, job, listed, made)
        for piece in () if alone else made:
            put_off(piece, clock.now() + min(pause_seconds * 2 ** cuts_of(file), LONGEST_PAUSE_SECONDS))
        made = record_pieces(job, file, CUT, made)
    note_cut(file, batch)
    return made


def _listed(connection: Connection, job: Job, batch: Batch) -> list[Batch]:
    """The batches that starts elsewhere may have made since this one was opened: where somebody may know the key.

    What is older was adopted at the beginning of the round.
    """
    since = min(job.opened_at.timestamp(), batch.created_at or clock.now())
    return batches_of_job(connection, job.key, since) if job.key_given else []


def _was_alone(connection: Connection, file: InputFile, batch: Batch) -> bool:
    """Whether no other batch of the model is open, or has ended since this one was created.

    Where batches cannot be listed, nobody can tell.
    """
    created = batch.created_at or clock.now()
    try:
        listed = list(connection.batches_since(created - WINDOW_SECONDS))
    except APIStatusError as error:
        if error.status_code not in NOT_ALLOWED:
            raise
        return False
    others = (other for other in listed if other.id != batch.id and _may_be_of(other, file.model))
    return not any(other.status in LIVE or _ended_at(other) >= created for other in others)


def _may_be_of(batch: Batch, model: str) -> bool:
    """Whether a batch may be of a model or a snapshot of it: OpenAI tells a dated one, and at first none."""
    told = enqueued_of(batch)[0] or batch.model or ""
    return told.startswith(undated(model)) or not told


def _ended_at(batch: Batch) -> int:
    return max(batch.completed_at or 0, batch.expired_at or 0, batch.cancelled_at or 0)


def _take_out(connection: Connection, job: Job, file: InputFile, batch: Batch) -> list[InputFile]:
    """Record the lines that are named as failed; the others go on as input files of the same round."""
    refused = refused_lines(connection.batch_errors(batch.id))
    rest = recorded_pieces(job, file, REST)
    if refused and not rest:
        rest = kept_lines(file, refused)
        adopt_listed(connection, job, _listed(connection, job, batch), rest)
        rest = record_pieces(job, file, REST, rest)
    note_fetched(file.files, note_refused(file, batch, refused or refused_lines(batch.errors)))
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
