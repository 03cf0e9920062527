"""The receiver of OpenAI's webhooks: whoever it concerns is told once, and nothing is lost."""

import asyncio
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from openai import OpenAI
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.deployments.installation import install_automations, remove_automations
from prefect_openai_batch.deployments.webhook.forwarding import PATIENCE_SECONDS
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.runs import TAG
from prefect_openai_batch.flows.suspension.waiting_runs import BATCH_ENDED

from ...conftest import free_port, wait_until
from .receiving import OTHER_SECRET, SECRET, Receiver, event, receiving, signed

pytestmark = pytest.mark.server

A_SECOND = 1_000
"""Deliveries a second."""


class Run:
    """A suspended run of ours, as the server knows it, and its job's batch."""

    def __init__(self, api: httpx.Client, batch_id: str, run_id: str) -> None:
        self.api = api
        self.batch_id = batch_id
        self.id = run_id

    def set_state(self, kind: str, name: str) -> None:
        wanted = {"type": kind, "name": name, "state_details": {"pause_reschedule": True}}
        self.api.post(f"/flow_runs/{self.id}/set_state", json={"state": wanted, "force": True}).raise_for_status()

    def state(self) -> str:
        return str(self.api.get(f"/flow_runs/{self.id}").raise_for_status().json()["state_name"])

    def news(self) -> list[dict[str, Any]]:
        wanted = {"event": {"name": [BATCH_ENDED]}, "resource": {"id": [f"prefect.flow-run.{self.id}"]}}
        found = self.api.post("/events/filter", json={"filter": wanted}).raise_for_status().json()["events"]
        return list(found)


@pytest.fixture
def client(server: BatchServer) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key="test") as client:
        yield client


@pytest.fixture
def make_run(api: httpx.Client, client: OpenAI) -> Callable[..., Run]:
    """Make a run that waits suspended, and the batch of its job."""
    deployment = deploy_nowhere(api)
    line = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions"}
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Say it."}]}
    content = json.dumps({**line, "body": body}).encode() + b"\n"
    file = client.files.create(file=("items.jsonl", content), purpose="batch").id

    def make(*, tags: tuple[str, ...] = (TAG,), wait: str = "suspend", suspended: bool = True) -> Run:
        key = f"job-{uuid4().hex[:12]}"
        wanted = {"tags": tags, "parameters": {"job_key": key, "options": {"wait": wait}}}
        run_id = api.post(f"{deployment}/create_flow_run", json=wanted).raise_for_status().json()["id"]
        batch = client.batches.create(
            input_file_id=file,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"job_key": key},
        )
        run = Run(api, batch.id, run_id)
        run.set_state("RUNNING", "Running")
        if suspended:
            run.set_state("PAUSED", "Suspended")
        return run

    return make


def deploy_nowhere(api: httpx.Client) -> str:
    """A deployment on a pool without a worker; its path."""
    pool = api.post("/work_pools/", json={"name": "nowhere", "type": "process"})
    assert pool.status_code in (201, 409)
    flow_id = api.post("/flows/", json={"name": "openai-batch"}).raise_for_status().json()["id"]
    wanted = {"name": "nowhere", "flow_id": flow_id, "work_pool_name": "nowhere", "entrypoint": "nowhere.flow"}
    made = api.post("/deployments/", json=wanted).raise_for_status().json()
    return f"/deployments/{made['id']}"


@pytest.fixture
def automations(deployed: dict[str, Any]) -> Iterator[None]:
    """Ours, but that no timer wakes who was not told."""
    install_automations(Times(looks=(3600.0,) * 3))
    yield
    remove_automations()


@pytest.mark.usefixtures("automations")
def test_a_thousand_deliveries_a_second_wake_whom_they_concern(
    receiver: Receiver, make_run: Callable[..., Run]
) -> None:
    """Among forged ones and replays: each true one is answered and kept once; no other run is touched."""
    ours = [make_run() for _ in range(10)]
    others = [make_run() for _ in range(3)]  # whose batches only forged calls speak of
    others += [make_run(tags=("their-tag",)), make_run(wait="sensor")]
    calls = [call(event(run.batch_id), SECRET) for run in ours for _ in range(200)]
    calls += [call(event(run.batch_id), SECRET) for run in others[3:] for _ in range(10)]
    calls += [call(event(f"batch_{number}"), SECRET) for number in range(500)]  # somebody else's batches
    true = {webhook_id for webhook_id, _, _ in calls}
    calls += calls[::4]
    forged = [call(event(run.batch_id), OTHER_SECRET) for run in others[:3] for _ in range(100)]
    before = set(receiver.kept())
    answers = asyncio.run(flood(receiver.url, [*calls, *forged]))
    assert Counter(answers) == {200: len(calls), 400: len(forged)}
    kept = [webhook_id for webhook_id in receiver.kept() if webhook_id not in before]
    assert len(kept) == len(true)
    assert set(kept) == true

    def why() -> str:
        said = [line for line in receiver.log.read_text().splitlines() if "was refused" not in line]
        return "\n".join([str([(run.state(), len(run.news())) for run in ours]), *said])

    wait_until(lambda: {run.state() for run in ours} <= {"Resuming", "Late"}, why)  # no worker takes them up
    assert {run.state() for run in others} == {"Suspended"}
    assert [run.news() for run in others] == [[]] * len(others)
    assert OTHER_SECRET not in receiver.log.read_text()
    assert "evt_" not in receiver.log.read_text()


def call(body: bytes, secret: str) -> tuple[str, bytes, dict[str, str]]:
    headers = signed(body, secret)
    return headers["webhook-id"], body, headers


async def flood(url: str, calls: list[tuple[str, bytes, dict[str, str]]]) -> list[int]:
    """Make calls, a thousand a second, over 20 connections; the answers' statuses."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    host, port = url.removeprefix("http://").strip("/").split(":")
    statuses: list[int] = []

    async def send() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while (request := await queue.get()) is not None:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0"
            )
            await reader.readexactly(int(length.split(b":")[1]))
            statuses.append(int(head.split(b" ")[1]))
        writer.close()

    senders = [asyncio.create_task(send()) for _ in range(20)]
    begun = time.monotonic()
    for number, (_, body, headers) in enumerate(calls):
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join(["POST / HTTP/1.1", f"host: {host}", f"content-length: {len(body)}", *lines, "", ""])
        await asyncio.sleep(max(0.0, begun + number / A_SECOND - time.monotonic()))
        queue.put_nowait(head.encode() + body)
    for _ in senders:
        queue.put_nowait(None)
    await asyncio.gather(*senders)
    return statuses


def test_a_run_that_suspends_later_is_told_then(receiver: Receiver, make_run: Callable[..., Run]) -> None:
    """Its last look was before the batch's end: the news waits for it."""
    run = make_run(suspended=False)
    deliver(receiver, run)
    time.sleep(1)
    assert run.news() == []
    run.set_state("PAUSED", "Suspended")
    wait_until(lambda: len(run.news()) == 1, receiver.log.read_text)
    run.set_state("RUNNING", "Running")


def test_openai_is_asked_once_whose_a_batch_is(
    environment: dict[str, str], server: BatchServer, make_run: Callable[..., Run], tmp_path: Path
) -> None:
    """However often a run is looked for that has not suspended yet."""
    run = make_run(suspended=False)
    with receiving(tmp_path, environment) as receiver:
        deliver(receiver, run)
        wait_until(lambda: receiver.waits() > 4, receiver.log.read_text)  # two seconds behind the second try
    asked = [one["path"] for one in server.requests() if one["method"] == "GET"]
    assert asked.count(f"/v1/batches/{run.batch_id}") == 1
    run.set_state("PAUSED", "Suspended")


def test_a_receiver_that_is_killed_loses_nothing(
    environment: dict[str, str], make_run: Callable[..., Run], tmp_path: Path
) -> None:
    """Prefect was not to be reached; what was answered with 200 is told after the next start, once."""
    run = make_run()
    away = {**environment, "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}
    with receiving(tmp_path, away) as receiver:
        webhook_id = deliver(receiver, run)
        receiver.process.send_signal(signal.SIGKILL)
        receiver.process.wait()
    assert run.news() == []
    with receiving(tmp_path, environment) as receiver:
        wait_until(lambda: bool(run.news()), receiver.log.read_text)
        deliver(receiver, run, webhook_id)
        run.set_state("RUNNING", "Running")
        time.sleep(2)
    (news,) = run.news()
    assert news["payload"]["batch_ids"] == [run.batch_id]
    assert datetime.fromisoformat(news["occurred"]) <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("x-{scheduled:%Y Mars/Olympus}", {"wait": "suspend"}),
        ("x", {"wait": "suspend", "answers": "postgresql://somebody:secret@host/answers"}),
        ("x", {"wait": "for ever"}),
    ],
    ids=["no such zone", "a password", "no such wait"],
)
def test_a_run_whose_job_cannot_be_told_keeps_no_other_from_being_told(
    receiver: Receiver, api: httpx.Client, make_run: Callable[..., Run], key: str, options: dict[str, str]
) -> None:
    """By the parameters of a run that is only scheduled: Prefect's UI takes them."""
    wanted = {"tags": [TAG], "parameters": {"job_key": key, "options": options}}
    bad = api.post(f"{deploy_nowhere(api)}/create_flow_run", json=wanted).raise_for_status().json()
    run = make_run()
    deliver(receiver, run)
    wait_until(lambda: len(run.news()) == 1, receiver.log.read_text)
    api.delete(f"/flow_runs/{bad['id']}")
    run.set_state("RUNNING", "Running")


def test_a_run_that_sleeps_on_is_told_of(receiver: Receiver, make_run: Callable[..., Run]) -> None:
    """It was told for ten minutes: the automation is missing, or off."""
    run = make_run()
    run.set_state("RUNNING", "Running")
    run.set_state("PAUSED", "Suspended")
    told = time.time() + 1
    with closing(sqlite3.connect(receiver.inbox, isolation_level=None)) as inbox:
        row = (f"wh_{uuid4().hex}", run.batch_id, told - PATIENCE_SECONDS - 60, 0, told, 0)
        inbox.execute("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?)", row)
    deliver(receiver, make_run())  # so that it looks
    wait_until(lambda: "sleeps on" in receiver.log.read_text(), receiver.log.read_text)
    assert "automations install" in receiver.log.read_text()
    assert run.news() == []


def deliver(receiver: Receiver, run: Run, webhook_id: str | None = None) -> str:
    body = event(run.batch_id)
    headers = signed(body, webhook_id=webhook_id)
    assert httpx.post(receiver.url, content=body, headers=headers).status_code == 200
    return headers["webhook-id"]
