"""What the records of a job say of the room that its models have, to a new start too."""

from prefect_openai_batch.batch.files.batches import BatchError
from prefect_openai_batch.batch.flight.bounds import bounds_of, told_of_small_files
from prefect_openai_batch.batch.jobs.rounds import Whereabouts
from prefect_openai_batch.batch.jobs.submissions import note_refusal, put_off

from ..conftest import MakeJob, built
from .conftest import batch_of, file

NO_ROOM = BatchError(code="token_limit_exceeded", message="Limit: 200 enqueued tokens.")
NO_FILE = BatchError(message="Cannot find file")
ROWS = [{"text": "a"}, {"text": "b"}]


def test_a_file_that_waits_since_it_was_refused_keeps_its_model(make_job: MakeJob) -> None:
    """It asks for all; where it was its file that was not found, nobody asks first."""
    job = make_job(ROWS)
    (file,) = built(job)
    refused = batch_of(file, "failed", created_at=1000).model_copy(update={"errors": (NO_ROOM,)})
    note_refusal(file, refused, 1060.0)
    waiting = Whereabouts([(file, None)], [], [file])
    closed = bounds_of(job, waiting, 1100.0)
    assert (closed.is_closed("m"), closed.closed_until("m"), closed.of("m")) == (True, 1060.0, 200)
    note_refusal(file, refused.model_copy(update={"id": "another", "errors": (NO_FILE,)}), 1200.0)
    assert not bounds_of(job, waiting, 1100.0).is_closed("m")


def test_what_asks_is_waited_for_by_a_later_start_too(make_job: MakeJob) -> None:
    """As long as it may be validated; when it was taken, the others follow, whatever was refused before."""
    job = make_job(ROWS)
    asks, other = built(job, items=1)
    for sent, created_at in ((other, 900), (asks, 1000)):
        refused = batch_of(sent, "failed", created_at=created_at)
        note_refusal(sent, refused.model_copy(update={"errors": (NO_ROOM,)}), created_at + 60.0)
    where = Whereabouts([(asks, None), (other, None)], [batch_of(asks, created_at=1100)], [other])
    asked = bounds_of(job, where, 1120.0)
    assert (asked.closed_until("m"), asked.is_followed("m")) == (1180.0, False)
    taken = bounds_of(job, where, 1180.0)
    assert (taken.is_closed("m"), taken.is_followed("m")) == (False, True)
    first = bounds_of(job, Whereabouts([], [batch_of(asks, created_at=1100)], [other]), 1120.0)
    assert (first.is_closed("m"), first.is_followed("m")) == (False, False)


def test_a_piece_keeps_its_model_until_it_may_go(make_job: MakeJob) -> None:
    """Nobody has refused it yet: a later start sends as many as fit."""
    job = make_job(ROWS)
    (piece,) = built(job)
    put_off(piece, 1060.0)
    waiting = Whereabouts([(piece, None)], [], [piece])
    assert bounds_of(job, waiting, 1000.0).closed_until("m") == 1060
    assert not bounds_of(job, waiting, 1060.0).is_closed("m")


def test_a_bound_that_cuts_a_job_into_crumbs_is_told_of() -> None:
    """A thousand forgotten, or tokens taken for rows: the job would take weeks without a word."""
    crumbs = [file(number, tokens=300, items=9) for number in range(51)]
    assert told_of_small_files(crumbs, 3000) == (
        "max_enqueued_tokens 3,000 lets about 90 items go at a time: 51 batches, few of them at once"
    )
    assert "about 1 item go" in told_of_small_files(crumbs, 1)
    few, large = crumbs[:50], [file(number, items=100) for number in range(51)]
    assert [
        told_of_small_files(*fine) for fine in ((few, 3000), (large, 3000), (crumbs, None), (crumbs, 10**9))
    ] == [""] * 4
