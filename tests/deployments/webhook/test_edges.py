"""The receiver of OpenAI's webhooks where nothing of Prefect or OpenAI can be reached."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from httpx import ASGITransport, AsyncClient
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import AccessError
from prefect_openai_batch.deployments.webhook.deliveries import Delivery, Inbox
from prefect_openai_batch.deployments.webhook.forwarding import (
    EARLY_SECONDS,
    SLACK_SECONDS,
    Forwarder,
    _may_wait,
)
from prefect_openai_batch.deployments.webhook.receiver import KEPT, make_app
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.emulator.engine import webhooks
from starlette.testclient import TestClient

from ...blocks.company import company, within
from ...conftest import free_port, wait_until
from .receiving import SECRET

URL = "http://receiver"
EVENT = b'{"type": "batch.completed", "data": {"id": "batch_1"}}'


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment whose servers nobody runs."""
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        yield


def post(client: TestClient, event: dict[str, Any]) -> int:
    body = json.dumps(event).encode()
    headers = webhooks.sign(webhooks.Delivery(f"wh_{uuid4().hex}", body, 0, 0), SECRET)
    return client.post("/", content=body, headers=headers).status_code


@pytest.mark.parametrize("data", [{"call_id": "call_1"}, {}, None])
def test_other_events_are_taken_whatever_they_hold(alone: None, tmp_path: Path, data: Any) -> None:
    """OpenAI would repeat a refused one for three days."""
    with TestClient(make_app(tmp_path / "inbox.db")) as client:
        assert post(client, {"type": "realtime.call.incoming", "data": data}) == 200
        assert post(client, {"type": "batch.completed", "data": data}) == 400


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!", "whsec_abc"])
def test_a_secret_that_anybody_has_is_refused(
    alone: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secret: str
) -> None:
    """Its key would be empty, or nothing would fit it."""
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", secret)
    with pytest.raises(AccessError, match="not whole"):
        make_app(tmp_path / "inbox.db")


def test_a_receiver_without_a_prefect_server_does_not_start(alone: None, tmp_path: Path) -> None:
    """Prefect would start one of its own."""
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(AccessError, match="PREFECT_API_URL"),
    ):
        make_app(tmp_path / "inbox.db")


def test_a_receiver_says_that_it_can_tell_nobody(alone: None, tmp_path: Path) -> None:
    """From its start on, before a batch has ended; it takes deliveries all the same, so it is well for a proxy."""
    with TestClient(make_app(tmp_path / "inbox.db")) as client:
        wait_until(lambda: client.get("/health").text.startswith(KEPT), lambda: client.get("/health").text)
        assert client.get("/health").status_code == 200
        assert post(client, {"type": "batch.completed", "data": {"id": "batch_1"}}) == 200


@pytest.mark.server
def test_a_receiver_whose_key_is_refused_says_so_at_its_start(
    prefect_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And how to mend it; the key itself stands nowhere."""
    with BatchServer() as server:
        server.fail(RouteFault(kind="http_error", route="GET *", status=401))
        monkeypatch.setenv("OPENAI_API_KEY", "sk-never-shown")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
        with TestClient(make_app(tmp_path / "inbox.db")) as client:
            wait_until(lambda: "refuses the key" in client.get("/health").text, lambda: caplog.text)
    assert "restart the receiver with another key" in caplog.text
    assert "never-shown" not in caplog.text


async def test_a_slow_disk_keeps_nobody_else_waiting(alone: None, tmp_path: Path) -> None:
    """While a delivery is written others are served; it is answered when it is kept."""
    app = make_app(tmp_path / "inbox.db")
    async with app.router.lifespan_context(app), AsyncClient(transport=ASGITransport(app), base_url=URL) as client:
        with closing(sqlite3.connect(tmp_path / "inbox.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            headers = webhooks.sign(webhooks.Delivery("wh_slow", EVENT, 0, 0), SECRET)
            posted = asyncio.create_task(client.post("/", content=EVENT, headers=headers))
            await asyncio.wait([posted], timeout=0.2)
            assert (await client.get("/health")).is_success
            assert not posted.done()
            other.execute("ROLLBACK")
            assert (await posted).status_code == 200
            assert other.execute("SELECT webhook_id FROM deliveries").fetchall() == [("wh_slow",)]


def test_an_inbox_that_cannot_be_used_ends_nothing(alone: None, tmp_path: Path) -> None:
    """What cannot be kept is not taken, so that OpenAI repeats it."""
    event = {"type": "batch.completed", "data": {"id": "batch_1"}}
    with TestClient(make_app(tmp_path / "inbox.db")) as client:
        with closing(sqlite3.connect(tmp_path / "inbox.db")) as database:
            database.execute("ALTER TABLE deliveries RENAME TO away")
            assert post(client, event) == 503
            assert client.get("/health").status_code == 200
            database.execute("ALTER TABLE away RENAME TO deliveries")
        assert post(client, event) == 200


def test_the_inbox_is_open_only_while_the_receiver_lives(alone: None, tmp_path: Path) -> None:
    """Not before, and not after."""
    app = make_app(tmp_path / "inbox.db")
    assert open_files(tmp_path) == set()
    with TestClient(app):
        assert "inbox.db" in open_files(tmp_path)
    assert open_files(tmp_path) == set()


def open_files(folder: Path) -> set[str]:
    """The names of the files below a folder that this process holds open."""
    paths = (Path(one.path) for one in psutil.Process().open_files())
    return {path.name for path in paths if path.is_relative_to(folder)}


def test_openai_is_asked_as_the_company_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose batch has ended is asked through its proxy, with its certificates."""
    line = {"custom_id": "1", "method": "POST", "url": "/v1/embeddings", "body": {"model": "any", "input": "a"}}
    with company(tmp_path) as made, within(made, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        with OpenAICredentials().get_client() as client:
            file = client.files.create(file=("in.jsonl", json.dumps(line).encode()), purpose="batch")
            batch = client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/embeddings",
                completion_window="24h",
                metadata={"job_key": "job-1"},
            )
        forwarder = Forwarder(Inbox(tmp_path / "inbox.db"), None)
        forwarder._ask_for_keys([Delivery("wh_1", batch.id, clock.now())])
    assert forwarder._job_keys == {batch.id: "job-1"}
    assert set(made.asked) == {"api.openai.com"}


ENDED = datetime(2026, 3, 1, 8, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("kind", "since", "told_at", "waits"),
    [
        (StateType.PAUSED, -60, None, True),
        (StateType.PAUSED, 120, None, True),  # it looked, then downloads took two minutes
        (StateType.PAUSED, EARLY_SECONDS + 1, None, False),
        (StateType.RUNNING, -60, None, True),  # it may have looked before the end
        (StateType.RUNNING, SLACK_SECONDS + 1, None, False),  # it looks after the end
        (StateType.SCHEDULED, SLACK_SECONDS + 1, None, False),
        (StateType.PAUSED, -60, 5, True),  # told, and nothing came of it
        (StateType.PAUSED, 30, 5, False),  # told, woken, and suspended again
    ],
)
def test_whom_a_delivery_concerns(
    monkeypatch: pytest.MonkeyPatch, kind: StateType, since: float, told_at: float | None, waits: bool
) -> None:
    """A run whose last look may have been before the batch's end, and no other."""
    monkeypatch.setattr(clock, "now", lambda: ENDED + 1)
    at = datetime.fromtimestamp(ENDED + since, UTC)
    state: State[Any] = State(type=kind, timestamp=at)
    run = FlowRun(flow_id=uuid4(), state=state)
    told = None if told_at is None else ENDED + told_at
    assert _may_wait(run, Delivery("wh_1", "batch_1", ENDED, told)) is waits
