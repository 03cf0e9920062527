"""Lines forwarded to another server."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect_openai_batch.emulator import BatchServer

from ..support import Api, Item, chat_item, chat_items, endpoint_item

Start = Callable[..., Api]


class ChatServer:
    """A small chat server: it shouts back, or does what the text says."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[str, Item]] = []
        self.keys: set[str] = set()
        self.tries: Counter[str] = Counter()
        self.busy = 0
        self.busiest = 0
        self.lock = threading.Lock()
        self.released = threading.Event()

    def answer(self, path: str, body: Item) -> tuple[int, bytes]:
        """Status and body for one call."""
        text = body["messages"][0]["content"] if "messages" in body else body["input"]
        with self.lock:
            self.asked.append((path, body))
            self.tries[text] += 1
        if text == "Busy at first." and self.tries[text] < 3:
            return 429, b'{"error": {"message": "busy"}}'
        if text == "Bad.":
            return 400, b'{"error": {"message": "no"}}'
        if text == "Slow.":
            self.released.wait(30)
        if text == "Html.":
            return 200, b"<html>"
        usage = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
        return 200, json.dumps(
            {"model": body["model"], "choices": [{"message": {"content": text.upper()}}], "usage": usage}
        ).encode()


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    """A chat server on a free port."""
    kept = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            with kept.lock:
                kept.keys.add(str(self.headers["authorization"]))
                kept.busy += 1
                kept.busiest = max(kept.busiest, kept.busy)
            threading.Event().wait(0.005)
            status, content = kept.answer(self.path, body)
            with kept.lock:
                kept.busy -= 1
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.send_header("retry-after", "0.01")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        kept.url = f"http://127.0.0.1:{web.server_port}/v1"
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        yield kept
        kept.released.set()
        web.shutdown()
        thread.join()


def test_lines_are_answered_upstream(start_server: Start, chat_server: ChatServer) -> None:
    """Any model's name is taken; the answers, the usage and the errors are the other server's."""
    api = start_server(upstream=chat_server.url, upstream_key="theirs")
    words = ("Hello.", "Busy at first.", "Bad.", "Html.")
    items = [chat_item(number, word, model="llama3.2") for number, word in enumerate(words)]
    done = api.finish(items)
    output = {line["custom_id"]: line["response"]["body"] for line in api.lines(done["output_file_id"])}
    errors = {line["custom_id"]: line["response"] for line in api.lines(done["error_file_id"])}
    assert output["item-0"]["choices"][0]["message"]["content"] == "HELLO."
    assert output["item-1"]["choices"][0]["message"]["content"] == "BUSY AT FIRST."
    assert (errors["item-2"]["status_code"], errors["item-2"]["body"]["error"]["message"]) == (400, "no")
    assert errors["item-3"]["body"]["error"]["code"] == "upstream_error"
    assert done["request_counts"] == {"total": 4, "completed": 2, "failed": 2}
    assert done["usage"]["total_tokens"] == 24
    assert (done["model"], chat_server.keys) == ("llama3.2", {"Bearer theirs"})
    assert {path for path, _ in chat_server.asked} == {"/v1/chat/completions"}


def test_no_more_at_once_than_allowed(start_server: Start, chat_server: ChatServer) -> None:
    """Bounded, and used to the bound."""
    api = start_server(upstream=chat_server.url, upstream_concurrency=4)
    assert api.finish(chat_items(60))["request_counts"]["completed"] == 60
    assert 2 <= chat_server.busiest <= 4
    assert len(chat_server.asked) == 60


def test_another_model_may_answer(start_server: Start, chat_server: ChatServer) -> None:
    """The name in the line stays the client's; upstream hears its own."""
    api = start_server(upstream=chat_server.url.removesuffix("/v1"), upstream_model="qwen3")
    api.finish(chat_items(2))
    assert {body["model"] for _, body in chat_server.asked} == {"qwen3"}


def test_other_endpoints_go_upstream_too(start_server: Start, chat_server: ChatServer) -> None:
    """Each to its own path."""
    api = start_server(upstream=chat_server.url)
    item = endpoint_item("/v1/responses", {"model": "any", "input": "Hello."})
    assert api.finish([item], "/v1/responses")["request_counts"]["completed"] == 1
    assert chat_server.asked[0][0] == "/v1/responses"


def test_nobody_upstream(start_server: Start) -> None:
    """Lines fail, the batch completes."""
    api = start_server(upstream="http://127.0.0.1:9/v1")
    done = api.finish(chat_items(2))
    assert done["request_counts"] == {"total": 2, "completed": 0, "failed": 2}
    assert {line["response"]["status_code"] for line in api.lines(done["error_file_id"])} == {502}


def test_cancelling_stops_asking(start_server: Start, chat_server: ChatServer) -> None:
    """What ran is kept; the rest is never asked."""
    api = start_server(upstream=chat_server.url, upstream_concurrency=1, speed=1)
    batch = api.submit(chat_items(3000))
    while not chat_server.asked:
        pass
    api.http.post(f"/batches/{batch['id']}/cancel")
    while (now := api.batch(batch["id"]))["status"] != "cancelled":
        pass
    ran = len(api.lines(now["output_file_id"]))
    assert ran == len(chat_server.asked) == now["request_counts"]["completed"] < 3000
    assert len(api.lines(now["error_file_id"])) == 3000 - ran


def test_a_server_stops_while_upstream_is_slow(chat_server: ChatServer, tmp_path: Path) -> None:
    """At once; the lines under way have not run, and run when it is started again."""
    with BatchServer(upstream=chat_server.url, data=tmp_path) as server:
        first = Api(server)
        batch = first.submit([chat_item(0, "Slow.")])
        while not chat_server.asked:
            pass
        first.http.close()
        started = time.monotonic()
    assert time.monotonic() - started < 5
    chat_server.released.set()
    with BatchServer(upstream=chat_server.url, data=tmp_path) as server:
        second = Api(server)
        while (done := second.batch(batch["id"]))["status"] != "completed":
            pass
        second.http.close()
        assert done["request_counts"] == {"total": 1, "completed": 1, "failed": 0}
