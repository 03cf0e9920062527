"""A flow run that is cancelled in Prefect stops at OpenAI too, and what was finished and paid for is kept."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.emulator import BatchServer, Fault, RouteFault

from ..conftest import wait_until
from .support import parameters, start, state, wait_for_state

pytestmark = pytest.mark.server

SLOW = "{% for a in range(300) %}{% for b in range(300) %}{% endfor %}{% endfor %}{{ review }}"
"""A prompt that takes long to build."""


@pytest.fixture
def server(tmp_path: Path, prefect_server: str) -> Iterator[BatchServer]:
    """A server whose clock stands still; the credentials block `cancellation` names it."""
    with BatchServer(data=tmp_path / "server", speed=0) as running:
        OpenAICredentials(api_key="test", base_url=running.base_url).save("cancellation", overwrite=True)
        yield running


def asked(server: BatchServer, method: str, path: str) -> list[dict[str, Any]]:
    return [
        request for request in server.requests() if request["method"] == method and request["path"].endswith(path)
    ]


def building(server: BatchServer, folder: Path) -> bool:
    return any(folder.glob("jobs/*/rounds/1/**/.input.jsonl.*"))


def uploading(server: BatchServer, folder: Path) -> bool:
    return bool(asked(server, "POST", "/files"))


def waiting(server: BatchServer, folder: Path) -> bool:
    if not asked(server, "POST", "/batches"):
        return False
    server.advance(0.1)  # until about half of its lines have run
    return bool(server.bill()["billed"] > 100)


def fetching(server: BatchServer, folder: Path) -> bool:
    if asked(server, "POST", "/batches"):
        server.advance(1)
    return bool(asked(server, "GET", "/content"))


STATES: list[tuple[Callable[[BatchServer, Path], bool], list[Fault], str]] = [
    (building, [], SLOW),
    (uploading, [RouteFault(kind="hang", route="POST */files", seconds=60)], "{{ review }}"),
    (waiting, [], "{{ review }}"),
    (fetching, [RouteFault(kind="hang", route="GET */content", seconds=60, times=1)], "{{ review }}"),
]


@pytest.mark.parametrize(("reached", "faults", "prompt"), STATES, ids=[one[0].__name__ for one in STATES])
def test_a_cancelled_run_stops_at_openai_and_keeps_what_was_finished(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    server: BatchServer,
    tmp_path: Path,
    reached: Callable[[BatchServer, Path], bool],
    faults: list[Fault],
    prompt: str,
) -> None:
    """Its batches are cancelled within seconds, `collect_job` ends the job, every row says what it got."""
    server.fail(*faults)
    request = {"kind": "chat", "model": "gpt-5-mini", "prompt": prompt}
    run_id = start(api, server, parameters(tmp_path, request=request, credentials="cancellation"))
    wait_until(lambda: reached(server, tmp_path), 60, worker.read_text)
    cancelled_at = time.time()
    cancel(api, run_id)
    server.fail()
    wait_for_state(api, run_id, "Cancelled", worker=worker)
    if reached is waiting:
        wait_until(lambda: bool(asked(server, "POST", "/cancel")), 20, worker.read_text)
        assert asked(server, "POST", "/cancel")[0]["received_at"] - cancelled_at < 20
    billed = server.bill()["billed"]
    collector = collector_of(api, run_id, worker)
    wait_until(lambda: ended(api, server, collector), 120, worker.read_text)
    assert state(api, collector) in ("Completed", "Partial")
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert len(answers) == 240
    assert answers["answer"].notna().sum() == server.bill()["billed"] == billed
    assert set(answers.loc[answers["answer"].isna(), "outcome"]) <= {"cancelled"}
    assert {batch["status"] for batch in server.state()["batches"]} <= {"cancelled", "completed"}
    assert server.state()["files"] == []


def cancel(api: httpx.Client, run_id: str) -> None:
    """Cancel a run as the UI does."""
    wanted = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    api.post(f"/flow_runs/{run_id}/set_state", json=wanted).raise_for_status()


def collector_of(api: httpx.Client, run_id: str, worker: Path) -> str:
    """The run of `collect_job` that a cancellation has started."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        wanted = {"flows": {"name": {"any_": ["openai-batch-collect"]}}, "sort": "START_TIME_DESC"}
        runs = api.post("/flow_runs/filter", json=wanted).raise_for_status().json()
        found.extend(run for run in runs if run["parameters"]["job_key"] == run_id)
        return bool(found)

    wait_until(is_there, 60, worker.read_text)
    return str(found[0]["id"])


def ended(api: httpx.Client, server: BatchServer, run_id: str) -> bool:
    server.advance(1)
    return state(api, run_id) in ("Completed", "Partial", "Failed", "Crashed")
