"""A batch that two runs fetch at once: what the first has recorded stays, and the second takes it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prefect_openai_batch import ChatRequest, fetch_output
from prefect_openai_batch.batch.answer_store.answers import Answers
from prefect_openai_batch.batch.errors import DownloadBroken
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.jobs.submissions import fetched, note_fetched
from prefect_openai_batch.batch.outcomes.outcome_files import FetchedOutput, read_outcomes
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.blocks.databases import open_store
from prefect_openai_batch.emulator import BatchServer, LineFault, RouteFault
from prefect_openai_batch.tasks.clean import remove_files
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.outputs import Sent, read_output

CONTENT = "GET */files/*/content"
ITEMS = [ChatRequest(model="gpt-5-mini", prompt=f"Say {number}.").item(f"item-{number}") for number in range(6)]
REFUSED = LineFault(kind="error", pattern="item-[01]", status=400)


@pytest.fixture
def batch(server: BatchServer, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """A batch of a job that has ended, with an output and an error file."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    server.fail(REFUSED)
    file = write_items(ITEMS, Folder(str(tmp_path / "job"))).model_copy(update={"job_key": "job"})
    begun = find_or_create(connection, file, 0)
    server.advance(3600)
    return connection.batch(begun.id, file)


def file_of(batch: Batch) -> InputFile:
    assert batch.input_file is not None
    return batch.input_file


def read(connection: Connection, batch: Batch) -> FetchedOutput:
    """As a run reads it that knows of no other."""
    file = file_of(batch)
    sent = Sent(file.endpoint, file.read_items)
    return read_output(connection, batch, sent, file.files, keep_response=False)


def outcomes_of(output: FetchedOutput) -> list[str]:
    return list(read_outcomes(output)["outcome"].to_pylist())


def cut_off(server: BatchServer, connection: Connection, batch: Batch) -> None:
    """Every download breaks off."""
    server.fail(RouteFault(kind="short_body", route=CONTENT, share=0.5, whole_lines=True))


def removed(server: BatchServer, connection: Connection, batch: Batch) -> None:
    """The first run has removed the error file."""
    connection.delete_file(str(batch.error_file_id))


@pytest.mark.parametrize("comes_to_less", [cut_off, removed], ids=["cut off", "removed"])
def test_what_comes_to_less_leaves_what_is_recorded(
    server: BatchServer,
    connection: Connection,
    batch: Batch,
    comes_to_less: Callable[[BatchServer, Connection, Batch], None],
) -> None:
    """The remote files may be gone by then: it is all that is left of what was paid."""
    first = fetch_output.fn(batch, keep_response=False)
    comes_to_less(server, connection, batch)
    with pytest.raises(DownloadBroken):
        read(connection, batch)
    assert fetched(file_of(batch)) == first
    assert outcomes_of(first) == ["failed"] * 2 + ["succeeded"] * 4
    assert file_of(batch).files.names("outcomes*") == [first.kept_as]


def test_a_try_that_breaks_off_leaves_nothing(connection: Connection, batch: Batch) -> None:
    """Who is patient tries often, and each try has a name of its own."""
    file = file_of(batch)

    def keep(output: FetchedOutput, paths: Sequence[Path]) -> None:
        assert output.is_kept
        raise OSError("No space left")

    with pytest.raises(OSError, match="No space left"):
        read_output(
            connection, batch, Sent(file.endpoint, file.read_items), file.files, keep_response=False, keep=keep
        )
    assert file.files.names("outcomes*") == []


def test_who_records_first_is_taken_by_all(server: BatchServer, connection: Connection, batch: Batch) -> None:
    """Also where another has read less, and calls that the end."""
    whole = read(connection, batch)
    server.fail(RouteFault(kind="not_found", route="GET */batches/*"))  # nobody says that there is more
    half = read(connection, batch.model_copy(update={"output_file_id": None}))
    assert (whole.untold, half.untold) == (0, 4)
    assert note_fetched(file_of(batch).files, whole) == note_fetched(file_of(batch).files, half) == whole
    assert outcomes_of(whole) == ["failed"] * 2 + ["succeeded"] * 4
    assert file_of(batch).files.names("outcomes*") == [whole.kept_as]


def test_who_comes_second_takes_what_the_first_has(
    server: BatchServer, connection: Connection, batch: Batch, tmp_path: Path
) -> None:
    """Its downloads last until the first has removed all that it needs: here and at OpenAI."""
    store = str(tmp_path / "answers.db")
    with open_store(store) as kept:
        opening = kept.open_job("job", server.base_url)
    answers = Answers(store=store, server=server.base_url, opening=opening)
    server.fail(RouteFault(kind="hang", route=CONTENT, calls=(1,), seconds=2.0))
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(fetch_output.fn, batch, answers=answers)
        while not any(one["path"].endswith("/content") for one in server.requests()):
            assert not second.done()
        first = fetch_output.fn(batch, answers=answers)
        assert not second.done()
        remove_files(connection, batch)
        assert second.result() == first
    assert outcomes_of(first) == ["failed"] * 2 + ["succeeded"] * 4
