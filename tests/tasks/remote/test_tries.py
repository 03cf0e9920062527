"""How often each kind of call is tried, and with which pauses."""

import errno
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime
from email.utils import format_datetime
from fnmatch import fnmatchcase
from math import inf
from pathlib import Path

import httpx
import httpx2
import openai
import pytest
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.remote import tries
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.creation import create_once
from prefect_openai_batch.tasks.remote.downloads import download, download_lines
from prefect_openai_batch.tasks.remote.tries import (
    LONGEST_PAUSE_SECONDS,
    LOOKING,
    Tries,
    brief_pauses,
    pauses_end_with_it,
)
from prefect_openai_batch.tasks.remote.uploads import upload

NOW = 1_800_000_000.0

LINE = re.compile(r"^([a-z]+) +(\d+)  ([\d., ]*?) +([\d.]+)  \S", re.MULTILINE)

TABLE = {
    kind: (int(most), pauses, float(total)) for kind, most, pauses, total in LINE.findall(tries.__doc__ or "")
}
"""The docstring's table: how many tries, the pauses, and their sum."""

KINDS = {name.lower(): kind for name, kind in vars(tries).items() if isinstance(kind, Tries)}


def test_the_table_says_what_the_code_does() -> None:
    """Every kind is in it, with its tries, its pauses and their sum."""
    assert {
        name: (kind.most, ", ".join(f"{seconds:g}" for seconds in kind.pauses), sum(kind.pauses))
        for name, kind in KINDS.items()
    } == TABLE


def _answer(connection: Connection, _: Path, __: InputFile) -> object:
    return connection.answer("/v1/chat/completions", {})


CALLS: list[tuple[str, str, Callable[[Connection, Path, InputFile], object]]] = [
    ("reading", "GET */batches/*", lambda connection, _, __: connection.batch("batch_1")),
    ("reading", "GET */batches/*", lambda connection, _, __: connection.batch_errors("batch_1")),
    ("reading", "GET */batches", lambda connection, _, __: list(connection.batches_since(0))),
    ("reading", "POST */batches/*/cancel", lambda connection, _, __: connection.cancel("batch_1")),
    ("reading", "GET */files/*", lambda connection, _, __: connection.has_file("file-1")),
    ("reading", "GET */files/*/content", lambda connection, _, __: connection.first_line("file-1")),
    ("reading", "GET */files", lambda connection, _, __: connection.files_named({"name"})),
    ("reading", "DELETE */files/*", lambda connection, _, __: connection.delete_file("file-1")),
    ("checking", "GET */models", lambda connection, _, __: connection.check_models(None)),
    ("checking", "GET */models/*", lambda connection, _, __: connection.check_models("gpt-5")),
    ("uploading", "POST */files", lambda connection, _, file: upload(connection, file)),
    (
        "creating",
        "POST */batches",
        lambda connection, _, __: create_once(connection, "file-1", Endpoint.CHAT_COMPLETIONS, {}, 0),
    ),
    ("creating", "POST */batches", lambda connection, _, file: find_or_create(connection, file, 0)),
    ("downloading", "GET */files/*/content", lambda connection, path, _: download(connection, "file-1", path)),
    (
        "downloading",
        "GET */files/*/content",
        lambda connection, path, _: download_lines(connection, "file-1", path, "batch_1"),
    ),
    ("answering", "POST */chat/completions", _answer),
]


@pytest.mark.parametrize(("kind", "route", "call"), CALLS, ids=[f"{kind} {route}" for kind, route, _ in CALLS])
def test_each_call_is_tried_as_often_as_the_table_says(
    server: BatchServer,
    connection: Connection,
    tmp_path: Path,
    file: InputFile,
    kind: str,
    route: str,
    call: Callable[[Connection, Path, InputFile], object],
) -> None:
    """A server that fails sees so many requests and no more: nobody else tries."""
    server.fail(RouteFault(kind="http_error", route=route, status=503))
    with pytest.raises(openai.InternalServerError):
        call(connection, tmp_path / "download", file)
    asked = [f"{request['method']} {request['path']}" for request in server.requests()]
    assert sum(fnmatchcase(one, route) for one in asked) == TABLE[kind][0]


def test_a_look_is_tried_once(server: BatchServer) -> None:
    """The sensor's next look is the next try."""
    server.fail(RouteFault(kind="http_error", route="GET */batches/*", status=503))
    client = openai.OpenAI(base_url=server.base_url, api_key="test")
    with client, pytest.raises(openai.InternalServerError):
        Connection(client, LOOKING).batch("batch_1")
    assert len(server.requests()) == TABLE["looking"][0]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_is_final(server: BatchServer, connection: Connection, status: int) -> None:
    """The same call would be refused again."""
    server.fail(RouteFault(kind="http_error", route="GET */batches/*", status=status))
    with pytest.raises(openai.APIStatusError):
        connection.batch("batch_1")
    assert len(server.requests()) == 1


def answered(*answers: httpx2.Response) -> Connection:
    """A connection to a server that gives these answers, one after another."""
    waiting = iter(answers)
    transport = httpx2.MockTransport(lambda _: next(waiting))
    http = httpx2.Client(transport=transport)
    return Connection(openai.OpenAI(base_url="http://server/v1", api_key="test", http_client=http))


def busy(retry_after: str) -> httpx2.Response:
    return httpx2.Response(429, headers={"retry-after": retry_after}, json={"error": {"message": "Slower."}})


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("3", 3.0),
        ("0.25", 0.25),
        ("300", LONGEST_PAUSE_SECONDS),
        (format_datetime(datetime.fromtimestamp(NOW + 20, UTC), usegmt=True), 20.0),
        (format_datetime(datetime.fromtimestamp(NOW - 20, UTC), usegmt=True), 0.5),
        *((text, 0.5) for text in ("", "0", "-1", "nan", "inf", "-inf", "soon", "Fri, 99 Foo 2026", "1e400")),
    ],
)
def test_a_pause_is_as_long_as_the_server_asks_for(
    monkeypatch: pytest.MonkeyPatch, retry_after: str, seconds: float
) -> None:
    """In seconds or by a date, though no longer than a minute; what cannot be read means the usual pause."""
    slept: list[float] = []
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(time, "sleep", slept.append)
    found = httpx2.Response(200, json={"id": "batch_1", "status": "completed"})
    with brief_pauses(inf):
        assert answered(busy(retry_after), found).batch("batch_1").id == "batch_1"
    assert slept == [seconds]


def test_the_pauses_grow_as_the_table_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server asks for none."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with brief_pauses(inf), pytest.raises(openai.RateLimitError):
        answered(*[busy("")] * 8).batch("batch_1")
    assert tuple(slept) == tries.READING.pauses


REQUEST = httpx.Request("GET", "http://prefect/api")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (httpx.ConnectError("refused", request=REQUEST), True),
        (httpx.ReadTimeout("late", request=REQUEST), True),
        (httpx.HTTPStatusError("busy", request=REQUEST, response=httpx.Response(503)), True),
        (httpx.HTTPStatusError("no block", request=REQUEST, response=httpx.Response(404)), False),
        (OSError(errno.EBUSY, "slow down"), True),
        (OSError(errno.ENOSPC, "no space left"), False),
    ],
    ids=["no connection", "too late", "a busy server", "no block", "a busy store", "a full disk"],
)
def test_prefects_server_and_the_storage_may_be_away_too(error: Exception, passes: bool) -> None:
    """A look that finds no credentials block, or no record, is made again as one that OpenAI does not answer."""
    assert tries.may_pass(error) is passes


def test_a_pause_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried after Ctrl-C."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        answered(busy("1")).batch("batch_1")


def test_a_pause_in_another_thread_ends_with_what_is_interrupted() -> None:
    """Nobody waits for it to pass."""
    with brief_pauses(inf), ThreadPoolExecutor() as pool:
        with suppress(KeyboardInterrupt), pauses_end_with_it():
            paused = pool.submit(copy_context().run, answered(busy("60")).batch, "batch_1")
            raise KeyboardInterrupt
        assert isinstance(paused.exception(timeout=30), KeyboardInterrupt)
