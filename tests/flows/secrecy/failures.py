"""Jobs that fail, each in its own way, with credentials that cannot be mistaken for anything else."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import orjson
from prefect_openai_batch import AzureOpenAICredentials, OpenAICredentials
from prefect_openai_batch.emulator import BatchFault, BatchServer, LineFault

from ...blocks.company import company
from ...conftest import free_port

KEY = 'sk-Unmistakable/Key+"1"'
PASSWORD = "Unmistakable:Pass/word+2"
HEADER = "Unmistakable/Header+3"
QUERY = "Unmistakable/Query+&4"
CLIENT_SECRET = "Unmistakable~Client/5"
PROXY_PASSWORD = "Unmistakable/Proxy+6"
WEBHOOK_SECRET = "whsec_VW5taXN0YWthYmxlV2ViaG9vaw=="

QUOTED = f"Received: Bearer {KEY}, X-Gateway {HEADER}, ?subscription-key={quote(QUERY, safe='')}"
"""What a server says of a request in a batch's errors and in the lines of its files."""

SECRETS = (KEY, PASSWORD, HEADER, QUERY, CLIENT_SECRET, PROXY_PASSWORD, WEBHOOK_SECRET)

Parameters = dict[str, Any]
Failure = Callable[[Path], Any]


def save(base_url: str) -> None:
    """The credentials block of the next job."""
    OpenAICredentials(
        api_key=KEY,
        base_url=base_url,
        header={"name": "X-Gateway", "value": HEADER},
        query_parameter={"name": "subscription-key", "value": QUERY},
        webhook_secret=WEBHOOK_SECRET,
    ).save("secrecy", overwrite=True)


@contextmanager
def quoting(status: int, content_type: str = "application/json", code: str | None = None) -> Iterator[str]:
    """A server that answers everything so, and quotes all that it was sent; its address."""

    class Quoting(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0) or 0)
            quoted = f"{self.requestline} {self.headers}"
            error = {"error": {"message": quoted, "code": code, "type": quoted, "param": None}}
            content = orjson.dumps(error) if "json" in content_type else f"<p>{quoted}</p>".encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_CONNECT = answer  # noqa: N815  # the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Quoting) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@contextmanager
def refused(status: int, **answer: str) -> Iterator[Parameters]:
    """Every call is answered so."""
    with quoting(status, **answer) as url:
        save(url)
        yield {}


@contextmanager
def unreached() -> Iterator[Parameters]:
    """Nobody listens at an address that names a user and a password."""
    save(f"http://me:{quote(PASSWORD, safe='')}@127.0.0.1:{free_port()}/v1")
    yield {}


@contextmanager
def behind_a_proxy() -> Iterator[Parameters]:
    """The proxy does not let anybody through, and quotes what it was sent."""
    with quoting(502, "text/html") as url:
        host = url.removeprefix("http://").removesuffix("/v1")
        os.environ["HTTP_PROXY"] = f"http://me:{quote(PROXY_PASSWORD, safe='')}@{host}"
        os.environ["NO_PROXY"] = "127.0.0.1"
        try:
            save("http://api.example/v1")
            yield {}
        finally:
            del os.environ["HTTP_PROXY"], os.environ["NO_PROXY"]


@contextmanager
def at_work(*faults: BatchFault | LineFault, **parameters: Any) -> Iterator[Parameters]:
    """The server works, and something else is wrong."""
    settings: dict[str, Any] = {"key": KEY, "header": f"X-Gateway: {HEADER}", "query": f"subscription-key={QUERY}"}
    with BatchServer(**settings) as server:
        server.fail(*faults)
        save(server.base_url)
        yield parameters


@contextmanager
def crashing() -> Iterator[Parameters]:
    """Somebody presses Ctrl-C while the batch runs."""

    def interrupt(_: dict[str, Any]) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "Too late."

    with BatchServer(answer=interrupt) as server:
        save(server.base_url)
        yield {}


@contextmanager
def without_a_token(folder: Path) -> Iterator[Parameters]:
    """Entra ID does not know the secret."""
    with company(folder, key="another", token_seconds=60) as made:
        os.environ |= made.variables()
        try:
            AzureOpenAICredentials(
                azure_endpoint="https://my-resource.openai.azure.com",
                api_version="2025-04-01-preview",
                entra_id={
                    "sign_in": True,
                    "tenant_id": "tenant",
                    "client_id": "app",
                    "client_secret": CLIENT_SECRET,
                },
                header={"name": "X-Gateway", "value": HEADER},
                query_parameter={"name": "subscription-key", "value": QUERY},
            ).save("secrecy-azure", overwrite=True)
            yield {"credentials": "secrecy-azure"}
        finally:
            for name in made.variables():
                del os.environ[name]


def failures(folder: Path) -> dict[str, Any]:
    """Each failure, by its name: the context in which a job fails so, which gives the job's parameters."""
    (folder / "a-file").touch()
    no_column = {"model": "gpt-5-mini", "prompt": "{{ there_is_no_such_column }}"}
    return {
        "key refused": refused(401, code="invalid_api_key"),
        "forbidden": refused(403),
        "no quota": refused(429, code="insufficient_quota"),
        "out of order": refused(500),
        "a page": refused(200, content_type="text/html"),
        "unreached": unreached(),
        "proxy": behind_a_proxy(),
        "validation": at_work(BatchFault(kind="fail_validation", code="invalid_value", message=QUOTED)),
        "lines": at_work(LineFault(kind="error", status=400, message=QUOTED, code=KEY)),
        "template": at_work(request=no_column),
        "destination": at_work(destination=str(folder / "a-file" / "answers.csv")),
        "token": without_a_token(folder),
        "crash": crashing(),
    }
