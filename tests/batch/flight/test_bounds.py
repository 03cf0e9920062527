"""What the records of a job say of the room that its models have, to a new start too."""

from prefect_openai_batch.batch.files.batches import BatchError
from prefect_openai_batch.batch.flight.bounds import bounds_of
from prefect_openai_batch.batch.jobs.submissions import note_refusal, put_off

from ..conftest import MakeJob, built
from .conftest import batch_of

NO_ROOM = BatchError(code="token_limit_exceeded", message="Limit: 200 enqueued tokens.")
NO_FILE = BatchError(message="Cannot find file")


def test_a_file_that_waits_since_it_was_refused_keeps_its_model(make_job: MakeJob) -> None:
    """It asks for all. Once it has its batch, or what was refused was its file, nobody asks first."""
    job = make_job([{"text": "a"}])
    (file,) = built(job)
    refused = batch_of(file, "failed", created_at=1000).model_copy(update={"errors": (NO_ROOM,)})
    note_refusal(file, refused, 1060.0)
    closed = bounds_of(job, [(file, None)], [file], 1100.0)
    assert (closed.is_closed("m"), closed.closed_until("m"), closed.of("m")) == (True, 1060.0, 200)
    sent = bounds_of(job, [(file, None)], [], 1100.0)
    assert (sent.is_closed("m"), sent.of("m")) == (False, 200)
    note_refusal(file, refused.model_copy(update={"id": "another", "errors": (NO_FILE,)}), 1200.0)
    assert not bounds_of(job, [(file, None)], [file], 1100.0).is_closed("m")


def test_a_piece_keeps_its_model_until_it_may_go(make_job: MakeJob) -> None:
    """Nobody has refused it yet: a later start sends as many as fit."""
    job = make_job([{"text": "a"}])
    (piece,) = built(job)
    put_off(piece, 1060.0)
    assert bounds_of(job, [(piece, None)], [piece], 1000.0).closed_until("m") == 1060
    assert not bounds_of(job, [(piece, None)], [piece], 1060.0).is_closed("m")
