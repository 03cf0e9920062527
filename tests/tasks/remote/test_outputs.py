"""What a batch gave is read until it is whole, or what is lacking is said."""

import logging
from pathlib import Path

import httpx2
import openai
import pytest
from prefect_openai_batch import ChatRequest, fetch_output
from prefect_openai_batch.batch.errors import DownloadBroken, RequestError, StorageNotShared
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.outcomes.outcome_files import FetchedOutput
from prefect_openai_batch.batch.requests.endpoints import Endpoint, endpoint_named
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchServer, LineFault, RouteFault
from prefect_openai_batch.tasks.clean import remove_files
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.outputs import Sent, read_output

CONTENT = "GET */files/*/content"
SIZELESS = RouteFault(kind="no_bytes", route="GET */files/*")
ITEMS = [
    ChatRequest(model="gpt-5-mini", prompt=f"Say {number}.").item(f"item-{number:02}") for number in range(20)
]


@pytest.fixture
def file(tmp_path: Path) -> InputFile:
    """An input file of twenty items, made by hand."""
    return write_items(ITEMS, Folder(str(tmp_path / "by-hand")))


def ended(server: BatchServer, connection: Connection, file: InputFile) -> Batch:
    """The batch of an input file, done."""
    batch = find_or_create(connection, file, 0)
    server.advance(3600)
    return connection.batch(batch.id, file)


def read(connection: Connection, batch: Batch, file: InputFile) -> FetchedOutput:
    sent = Sent(file.endpoint, file.read_items)
    output = read_output(connection, batch, sent, file.files, keep_response=False)
    file.files.write("fetched.json", output)
    return output


def test_a_file_id_may_be_longer_than_a_file_name(file: InputFile) -> None:
    """A proxy's hold whole addresses."""
    lines = b"".join(
        b'{"custom_id":"item-%02d","response":{"status_code":200,"body":{"choices":[{"message":{"content":"Hi."}}]}}}\n'
        % number
        for number in range(20)
    )
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=lines))
    http = httpx2.Client(transport=transport)
    connection = Connection(openai.OpenAI(base_url="http://server/v1", api_key="test", http_client=http))
    batch = Batch(id="batch_1", status="completed", input_file=file, output_file_id=f"file-{'x' * 327}")
    assert read(connection, batch, file).outcomes == {"succeeded": 20}


@pytest.mark.parametrize("whole_lines", [False, True], ids=["in a line", "between lines"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "chunked"])
@pytest.mark.parametrize("size", [(), (SIZELESS,)], ids=["a known size", "no size"])
@pytest.mark.parametrize("call", [1, 2], ids=["output", "error"])
def test_a_body_that_ends_cleanly_but_short_is_read_again(
    server: BatchServer,
    connection: Connection,
    file: InputFile,
    *,
    whole_lines: bool,
    chunked: bool,
    size: tuple[RouteFault, ...],
    call: int,
) -> None:
    """By the file's size, or where there is none by the items that it tells of."""
    server.fail(LineFault(kind="error", pattern="item-0[0-7]", status=400))
    batch = ended(server, connection, file)
    short = RouteFault(
        kind="short_body", route=CONTENT, calls=(call,), share=0.6, whole_lines=whole_lines, chunked=chunked
    )
    server.fail(short, *size)
    output = read(connection, batch, file)
    assert (output.outcomes, output.unread) == ({"failed": 8, "succeeded": 12}, 0)


def test_what_stays_short_of_its_size_is_no_output(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """No row is called missing that may have been paid."""
    batch = ended(server, connection, file)
    server.fail(RouteFault(kind="short_body", route=CONTENT, share=0.5, whole_lines=True))
    with pytest.raises(DownloadBroken, match=r"ended after [\d,]+ of [\d,]+ bytes"):
        read(connection, batch, file)
    assert not file.files.exists("fetched.json")


@pytest.mark.parametrize("status", [403, 404, 405, 500])
def test_a_server_that_tells_no_sizes_is_read_all_the_same(
    server: BatchServer, connection: Connection, file: InputFile, status: int
) -> None:
    """Its file objects are refused."""
    batch = ended(server, connection, file)
    server.fail(RouteFault(kind="http_error", route=f"GET */files/file-{'?' * 22}", status=status))
    assert read(connection, batch, file).outcomes == {"succeeded": 20}


class WrongSizes(Connection):
    """A connection to a server whose file objects are wrong about their files."""

    def file_bytes(self, file_id: str) -> int | None:
        return 1_000_000


def test_a_size_that_is_wrong_keeps_no_answer_away(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """Where every item that was sent is told of, there is nothing more to be had."""
    batch = ended(server, connection, file)
    output = read(WrongSizes(connection._client), batch, file)
    assert (output.outcomes, output.unread) == ({"succeeded": 20}, 0)


def test_files_with_rows_that_cannot_be_read_are_kept(
    server: BatchServer, connection: Connection, file: InputFile, caplog: pytest.LogCaptureFixture
) -> None:
    """They are read again first; the input file goes, and a warning says what stays."""
    server.fail(LineFault(kind="missing", pattern="item-0[0-2]"))
    batch = ended(server, connection, file)
    with caplog.at_level(logging.WARNING):
        output = read(connection, batch, file)
    assert (output.outcomes, output.unread) == ({"missing": 3, "succeeded": 17}, 3)
    cleaned = remove_files(connection, batch)
    assert cleaned.kept == (batch.output_file_id,)
    assert [one["id"] for one in server.state()["files"]] == [batch.output_file_id]
    assert "tell nothing of 3 items" in caplog.text
    contents = [one for one in server.requests() if one["path"].endswith("/content")]
    assert len(contents) == 4


def test_a_response_of_no_shape_is_read_once_and_its_file_kept(
    file: InputFile, caplog: pytest.LogCaptureFixture
) -> None:
    """It would say the same each time; what it holds was paid, and somebody may want to look at it."""
    body = '{"model":"m","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":1}}'
    line = '{"custom_id":"item-%02d","response":{"status_code":200,"body":' + body + "}}\n"
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.method} {request.url.path}")
        if request.url.path.endswith("/content"):
            return httpx2.Response(200, text="".join(line % number for number in range(20)))
        return httpx2.Response(200, json={"id": "file-1", "object": "file", "deleted": True, "data": []})

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    connection = Connection(openai.OpenAI(base_url="http://server/v1", api_key="test", http_client=http))
    batch = Batch(id="batch_1", status="completed", input_file=file, output_file_id="file-1")
    with caplog.at_level(logging.WARNING):
        output = read(connection, batch, file)
    assert (output.outcomes, output.unread, output.shapeless) == ({"failed": 20}, 0, 20)
    assert output.tokens.input_tokens == 100
    assert asked.count("GET /v1/files/file-1/content") == 1
    assert "tell 20 responses that cannot be read. Its files are kept" in caplog.text
    assert remove_files(connection, batch).kept == ("file-1",)
    assert "DELETE /v1/files/file-1" not in asked


def test_a_batch_that_is_gone_is_read_as_far_as_its_files_tell(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """What was downloaded is paid, whoever deleted the rest."""
    server.fail(LineFault(kind="missing", pattern="item-00"))
    batch = ended(server, connection, file)
    server.fail(RouteFault(kind="not_found", route="GET */batches/*"))
    assert read(connection, batch, file).outcomes == {"missing": 1, "succeeded": 19}


def by_hand(server: BatchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")


@pytest.mark.parametrize("remote", [True, False], ids=["input file there", "input file deleted"])
def test_items_made_by_hand_elsewhere_are_told_by_the_remote_input_file(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch, *, remote: bool
) -> None:
    """Their local folder is another worker's, or was cleaned out; nothing is made in its place."""
    batch = ended(server, connection, file)
    file.files.remove()
    if not remote:
        connection.delete_file(str(batch.input_file_id))
    by_hand(server, monkeypatch)
    frame = fetch_output.fn(batch).frame()
    assert sorted(frame["custom_id"]) == [item.custom_id for item in ITEMS]
    assert frame["outcome"].eq("succeeded").all()
    assert not file.files.exists()


def test_outcomes_that_were_cleaned_out_are_fetched_again(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record of them may be there still."""
    batch = ended(server, connection, file)
    by_hand(server, monkeypatch)
    output = fetch_output.fn(batch)
    output.files.remove(output.kept_as)
    assert fetch_output.fn(batch).frame()["outcome"].eq("succeeded").all()


def test_a_jobs_output_is_not_fetched_without_its_folder(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remote input file does not say which rows its items were."""
    batch = ended(server, connection, file)
    lost = file.model_copy(update={"job_key": "job", "folder": f"{file.folder}-elsewhere"})
    by_hand(server, monkeypatch)
    with pytest.raises(StorageNotShared, match="of the job 'job' is not here"):
        fetch_output.fn(batch.model_copy(update={"input_file": lost}))


@pytest.mark.parametrize("remote", [True, False], ids=["by its input file", "by its answers"])
@pytest.mark.parametrize("named", [None, "", "/somewhere/else"], ids=["null", "empty", "unknown"])
def test_a_batch_that_names_no_endpoint_is_read(
    server: BatchServer,
    connection: Connection,
    file: InputFile,
    monkeypatch: pytest.MonkeyPatch,
    *,
    remote: bool,
    named: str | None,
) -> None:
    """As Azure's; its input file's first line names one, or its answers show one."""
    batch = ended(server, connection, file)
    if not remote:
        connection.delete_file(str(batch.input_file_id))
    by_hand(server, monkeypatch)
    output = fetch_output.fn(batch.model_copy(update={"input_file": None, "endpoint": named}))
    assert (output.endpoint, output.outcomes) == (Endpoint.CHAT_COMPLETIONS, {"succeeded": 20})


def test_where_nothing_shows_an_endpoint_that_is_said(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but errors came back, and the input file is gone."""
    server.fail(LineFault(kind="error", status=400))
    batch = ended(server, connection, file)
    connection.delete_file(str(batch.input_file_id))
    by_hand(server, monkeypatch)
    with pytest.raises(RequestError, match="names None, and neither its input file nor its answers"):
        fetch_output.fn(batch.model_copy(update={"input_file": None, "endpoint": None}))


@pytest.mark.parametrize("endpoint", Endpoint)
def test_an_endpoint_is_known_in_every_spelling(endpoint: Endpoint) -> None:
    """OpenAI's, Azure's, and as a whole URL."""
    short = endpoint.removeprefix("/v1")
    spelled = [
        endpoint.value,
        short,
        short[1:],
        f"{endpoint}/",
        f"https://example.com/openai/deployments/x{short}",
    ]
    assert {endpoint_named(name) for name in spelled} == {endpoint}
    assert endpoint_named(f"{short}-other") is None
