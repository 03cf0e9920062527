"""A table at a web server that refuses it, fails or is not there: what the server said, and no other reason."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server

import pytest
from prefect_openai_batch import FileSource, SourceError
from prefect_openai_batch.batch.errors import RequestError
from prefect_openai_batch.batch.requests.request_files import load_request
from prefect_openai_batch.batch.storage.awaiting import storage_awaited
from prefect_openai_batch.batch.tables.sources import open_source

TABLE = b"review\nGood.\nBad.\n"


class Server(ThreadingHTTPServer):
    """A server of one table, which answers as the path says."""

    failures = 0
    """How often it still answers 503."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Server

    def do_HEAD(self) -> None:
        status = int(self.path.split("/")[1])
        if self.server.failures:
            status, self.server.failures = 503, self.server.failures - 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(TABLE)))
        self.send_header("Accept-Ranges", "none")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(TABLE)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Answers) as serving:
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def rows(url: str) -> int:
    return sum(batch.num_rows for batch in open_source(FileSource(path=url)))


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "its server answers 401: give a URL that is signed, or download the file first"),
        (403, "its server answers 403: give a URL that is signed, or download the file first"),
        (404, "there is no such file"),
        (500, "its server answers 500"),
    ],
    ids=["no key", "no right", "no file", "a failure"],
)
def test_what_the_server_answers_is_told(server: Server, status: int, told: str) -> None:
    """And nothing of a signature in the URL; of a request file the same."""
    assert rows(f"{server.url}/200/a.csv") == 2
    with pytest.raises(SourceError) as refused:
        rows(f"{server.url}/{status}/a.csv?sig=secret")
    assert str(refused.value) == f"{server.url}/{status}/a.csv: {told}."
    with pytest.raises(RequestError, match=r"does not exist" if status == 404 else told):
        load_request(f"{server.url}/{status}/request.json")


def test_a_server_that_is_not_there_is_told_as_that() -> None:
    """By its port, or by its name."""
    with closing(create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(SourceError, match=f"its server cannot be reached: .*127.0.0.1:{port}"):
        rows(f"http://127.0.0.1:{port}/a.csv")
    with pytest.raises(SourceError, match="its server's name does not resolve"):
        rows("http://no-such-host.invalid/a.csv")


def test_a_server_that_fails_for_a_while_is_asked_again_where_a_job_runs(server: Server) -> None:
    """As any storage; elsewhere it is told at once."""
    waits: list[float] = []
    server.failures = 6  # each look asks twice
    with storage_awaited(waits.append):
        assert rows(f"{server.url}/200/a.csv") == 2
    assert waits == [1, 2]
    server.failures = 6
    with pytest.raises(SourceError, match="its server answers 503"):
        rows(f"{server.url}/200/a.csv")


def test_what_is_wrong_with_a_table_is_not_laid_to_its_server(server: Server) -> None:
    """It came whole."""
    with pytest.raises(SourceError, match="cannot be read: Not a gzipped file"):
        rows(f"{server.url}/200/a.csv.gz")
