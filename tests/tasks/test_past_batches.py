"""A batch from which another run has gone on: what comes of it is not taken for the end of its input file."""

from pathlib import Path

import pytest
from prefect_openai_batch import fetch_output
from prefect_openai_batch.batch.errors import BatchNotFinished
from prefect_openai_batch.batch.files.batches import Batch, BatchStatus
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.submissions import fetched, gave_way, note_submission, refusals, submitted
from prefect_openai_batch.emulator import BatchFault, BatchServer
from prefect_openai_batch.tasks.reconsider import FILE_ATTEMPTS, reconsider
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection

from .test_pieces import built_job

NO_FILE = "Cannot find file file-1, or organization x does not have access to it."


@pytest.fixture
def sent(
    server: BatchServer, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Job, InputFile, list[Batch]]:
    """A job's input file that was refused as often as may be, and is at work now; all its batches."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    times = range(1, FILE_ATTEMPTS)
    server.fail(BatchFault(kind="fail_validation", code="invalid", message=NO_FILE, batches=tuple(times)))
    job, file = built_job(tmp_path / "jobs", None)
    batches = []
    for _ in times:
        begun = find_or_create(connection, file, 0)
        server.advance(5)
        batches.append(connection.batch(begun.id, file))
        assert reconsider(connection, job, batches[-1], 0) == [file]
    return job, file, [*batches, find_or_create(connection, file, 0)]


def test_who_still_flies_a_refused_batch_goes_on_with_its_next(
    connection: Connection, sent: tuple[Job, InputFile, list[Batch]]
) -> None:
    """It counts no second time, and nothing is cut or recorded as its end."""
    job, file, batches = sent
    for past in batches[:-1]:
        assert reconsider(connection, job, past, 0) == [file]
    assert len(refusals(file).batches) == FILE_ATTEMPTS - 1
    assert find_or_create(connection, file, 0) == batches[-1]
    assert (job.input_files(), fetched(file)) == ([file], None)


def test_the_batch_that_goes_on_is_fetched(server: BatchServer, sent: tuple[Job, InputFile, list[Batch]]) -> None:
    """Once it has ended: its answers are paid."""
    _, file, (past, *_, last) = sent
    with pytest.raises(BatchNotFinished, match="have gone on in another one"):
        fetch_output.fn(past)
    assert fetched(file) is None
    server.advance(86_400)
    output = fetch_output.fn(past)
    assert (output.batch.id, output.outcomes) == (last.id, {"succeeded": file.items})


def test_the_refused_batch_of_an_attempt_to_come_is_not_fetched(
    connection: Connection, sent: tuple[Job, InputFile, list[Batch]]
) -> None:
    """Its rows go again already."""
    _, file, (past, *_) = sent
    file.files.remove("submitted-3.json")
    with pytest.raises(BatchNotFinished, match="have gone on in another one"):
        fetch_output.fn(past)
    assert fetched(file) is None


def test_a_cancelled_batch_gives_way_to_the_one_that_is_recorded(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """Also where all starts see one folder: another one was so slow to create its own."""
    job, file = built_job(tmp_path / "jobs", None)
    shared = file.model_copy(update={"contested": False})
    first = find_or_create(connection, shared, 0)
    other = first.model_copy(update={"id": "batch_of_another"})
    assert not gave_way(first)
    note_submission(shared, other)
    cancelled = first.model_copy(update={"status": BatchStatus.CANCELLED})
    assert gave_way(cancelled)
    assert reconsider(connection, job, cancelled, 0) == [shared]
    assert submitted(shared) == other
