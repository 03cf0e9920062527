"""Our automations on a real server: they wake, retry and clean up the runs of ours, and leave all others alone."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.deployments.installation import install_automations, remove_automations
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.healing import VANISHED
from prefect_openai_batch.flows.runs import TAG
from prefect_openai_batch.flows.suspension.waiting_runs import BATCH_ENDED

from ..conftest import BIN, running, wait_until
from .support import (
    asked,
    cancel,
    collector_of,
    deployment,
    ended,
    flow_run_process,
    history,
    parameters,
    start,
    state,
    wait_for_state,
)

SHORT = Times(looks=(10.0, 3600.0, 3600.0), lost=75.0)
"""The first pace looks soon, the others not in these tests; runs of `small` beat every 30 seconds, the least that
Prefect allows."""

AT_MOST = 1
"""So many crashes are retried in these tests."""

OTHER_POOL = "vanishing"


pytestmark = pytest.mark.server


class Runs:
    """Runs of the flow `small`, each with a folder where it notes its starts."""

    def __init__(self, api: httpx.Client, folder: Path) -> None:
        """Runs whose folders lie in `folder`."""
        self.api = api
        self.folder = folder

    def start(self, name: str, *, to: str = "ours", **parameters: Any) -> str:
        found = self.api.get(f"/deployments/name/small/{to}").raise_for_status().json()
        folder = self.folder / name
        folder.mkdir()
        wanted = {"parameters": {"folder": str(folder), **parameters}, "state": {"type": "SCHEDULED"}}
        answer = self.api.post(f"/deployments/{found['id']}/create_flow_run", json=wanted)
        return str(answer.raise_for_status().json()["id"])

    def starts(self, name: str) -> int:
        return len(list((self.folder / name).glob("start-*")))


def deploy_small(name: str, pool: str, tags: list[str]) -> None:
    """Deploy the flow `small` from its file."""
    with get_client(sync_client=True) as client:
        client.create_deployment(
            client.create_flow_from_name("small"),
            name,
            entrypoint=f"{Path(__file__).with_name('small_flows.py')}:small",
            work_pool_name=pool,
            tags=tags,
            pull_steps=[],
            job_variables={"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}},
        )


@pytest.fixture(scope="module")
def runs(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    prefect_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Runs]:
    """The automations are there, with short times; afterwards they are gone."""
    command = [str(BIN / "prefect"), "work-pool", "create", OTHER_POOL, "--type", "process"]
    subprocess.run(command, env=prefect_environment, check=True, capture_output=True)
    deploy_small("ours", "openai-batch", [TAG])
    deploy_small("foreign", "openai-batch", ["their-tag"])
    deploy_small("vanishing", OTHER_POOL, [TAG])
    retrying = f"/deployments/{deployment(api, 'heal')['id']}"
    api.patch(retrying, json={"parameters": {"at_most": AT_MOST}}).raise_for_status()
    install_automations(SHORT)
    yield Runs(api, tmp_path_factory.mktemp("runs"))
    remove_automations()
    api.patch(retrying, json={"parameters": {}}).raise_for_status()


@pytest.fixture(scope="module")
def started(api: httpx.Client, runs: Runs, worker: Path) -> dict[str, str]:
    """The ids of runs by what befalls them; they go their ways side by side."""
    ids = {
        "foreign-suspended": runs.start("foreign-suspended", to="foreign", suspends=1, age=0),
        "foreign-crashed": runs.start("foreign-crashed", to="foreign", dies=1),
        "foreign-cancelled": runs.start("foreign-cancelled", to="foreign", suspends=1),
        "vanishing": runs.start("vanishing", to="vanishing", stays=True),
        "dying": runs.start("dying", dies=9),
        "timed": runs.start("timed", suspends=2, age=0),
        "late": runs.start("late", suspends=2, age=3000),
    }
    wait_for_state(api, ids["foreign-cancelled"], "Suspended", worker=worker)
    cancel(api, ids["foreign-cancelled"])
    wait_for_state(api, ids["foreign-suspended"], "Suspended", worker=worker)
    emit(api, BATCH_ENDED, ids["foreign-suspended"], tag="their-tag")
    wait_for_state(api, ids["late"], "Suspended", worker=worker)
    emit(api, "prefect.flow-run.heartbeat", ids["late"])
    return ids


@pytest.fixture(scope="module")
def vanished(runs: Runs, started: dict[str, str], prefect_environment: dict[str, str]) -> Path:
    """A worker is killed with its flow run's process, at once; the log of another one that comes later."""
    log = runs.folder / "worker.log"
    environment = {**prefect_environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    command = [str(BIN / "prefect"), "worker", "start", "--pool", OTHER_POOL]
    with running(command, environment, log) as first:
        wait_until(lambda: runs.starts("vanishing") == 1, log.read_text)
        processes = [first.pid, *(child.pid for child in psutil.Process(first.pid).children(recursive=True))]
        processes.append(flow_run_process(started["vanishing"]).pid)
        for pid in set(processes):
            os.kill(pid, signal.SIGKILL)
    return log


def emit(api: httpx.Client, event: str, run_id: str, tag: str = TAG) -> None:
    """Emit an event about a run, as our receiver does."""
    wanted = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run_id}"},
        "related": [{"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}],
        "payload": {},
    }
    api.post("/events", json=[wanted]).raise_for_status()


def healing_runs(api: httpx.Client) -> list[dict[str, Any]]:
    """The runs of our two flows that heal."""
    names = ["openai-batch-heal", "openai-batch-collect-cancelled"]
    found: list[dict[str, Any]] = (
        api.post("/flow_runs/filter", json={"flows": {"name": {"any_": names}}}).raise_for_status().json()
    )
    return found


def healed_of(api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    return [run for run in healing_runs(api) if run["parameters"].get("flow_run_id") == run_id]


def errors_of(api: httpx.Client, runs: list[dict[str, Any]]) -> list[str]:
    """What runs have logged as errors."""
    wanted = {"logs": {"flow_run_id": {"any_": [run["id"] for run in runs]}, "level": {"ge_": 40}}}
    return [line["message"] for line in api.post("/logs/filter", json=wanted).raise_for_status().json()]


def test_a_timer_looks_again_and_again(
    api: httpx.Client, runs: Runs, started: dict[str, str], vanished: Path, worker: Path
) -> None:
    """After each suspension, with nothing else to wake the run."""
    wait_for_state(api, started["timed"], "Completed", worker=worker)
    assert runs.starts("timed") == 3
    assert history(api, started["timed"]).count("Suspended") == 2


def test_an_event_wakes_a_run(api: httpx.Client, runs: Runs, worker: Path) -> None:
    """Twice the same news resumes it once; the timer of another pace has not looked."""
    run_id = runs.start("plain", suspends=1)
    wait_for_state(api, run_id, "Suspended", worker=worker)
    emit(api, BATCH_ENDED, run_id)
    emit(api, BATCH_ENDED, run_id)
    wait_for_state(api, run_id, "Completed", worker=worker)
    assert history(api, run_id).count("Resuming") == 1
    assert runs.starts("plain") == 2


def test_a_killed_run_is_retried(api: httpx.Client, runs: Runs, worker: Path) -> None:
    """Its process alone dies; the worker tells of it twice, and one run of ours retries it once."""
    run_id = runs.start("killed", stays=True)
    wait_until(lambda: runs.starts("killed") == 1, worker.read_text)
    flow_run_process(run_id).send_signal(signal.SIGKILL)
    wait_for_state(api, run_id, "Completed", worker=worker)
    assert runs.starts("killed") == 2
    assert len(healed_of(api, run_id)) == 1


def test_a_run_that_dies_every_time_is_left(
    api: httpx.Client, runs: Runs, started: dict[str, str], worker: Path
) -> None:
    """At the cap it stays crashed, and an error names it and says how to go on."""
    mine: Callable[[], list[str]] = lambda: errors_of(api, healed_of(api, started["dying"]))  # noqa: E731
    wait_until(lambda: bool(mine()), worker.read_text)
    assert state(api, started["dying"]) == "Crashed"
    assert runs.starts("dying") == AT_MOST + 1
    assert f"prefect flow-run retry {started['dying']}" in mine()[0]


def test_a_job_cancelled_while_suspended_is_collected(
    api: httpx.Client,
    runs: Runs,
    worker: Path,
    still_server: BatchServer,
    tmp_path: Path,
) -> None:
    """Its batches are cancelled at OpenAI, and what they had finished is kept."""
    server = still_server
    run_id = start(api, server, parameters(tmp_path, {"wait": "suspend"}, credentials="cancellation"))
    wait_for_state(api, run_id, "Suspended", worker=worker)
    while server.bill()["billed"] < 100:
        server.advance(0.1)
    cancel(api, run_id)
    wait_until(lambda: bool(asked(server, "POST", "/cancel")), worker.read_text)
    billed = server.bill()["billed"]
    collector = collector_of(api, run_id, worker)
    wait_until(lambda: ended(api, server, collector), worker.read_text)
    assert state(api, collector) == "Partial"
    assert 0 < server.bill()["billed"] == billed < 240
    assert server.state()["files"] == []


def test_a_run_whose_host_vanished_goes_on_elsewhere(
    api: httpx.Client,
    runs: Runs,
    started: dict[str, str],
    vanished: Path,
    prefect_environment: dict[str, str],
    worker: Path,
) -> None:
    """Worker and process are killed together: no heartbeat comes, so it is crashed, retried, and completes."""
    run_id = started["vanishing"]
    wait_for_state(api, run_id, "Crashed", "AwaitingRetry", "Late", worker=worker)
    environment = {**prefect_environment, "PREFECT_WORKER_QUERY_SECONDS": "1"}
    command = [str(BIN / "prefect"), "worker", "start", "--pool", OTHER_POOL]
    with running(command, environment, vanished):
        wait_for_state(api, run_id, "Completed", worker=vanished)
    states = api.get("/flow_run_states/", params={"flow_run_id": run_id}).raise_for_status().json()
    assert {one["message"] for one in states if one["type"] == "CRASHED"} == {VANISHED}
    assert runs.starts("vanishing") == 2


def test_a_run_whose_look_is_lost_is_resumed(
    api: httpx.Client, runs: Runs, started: dict[str, str], worker: Path
) -> None:
    """Nothing is heard of it for long; a heartbeat that came after its suspension does not make it a crash."""
    wait_until(lambda: history(api, started["late"]).count("Suspended") == 2, worker.read_text)
    emit(api, BATCH_ENDED, started["late"])
    wait_for_state(api, started["late"], "Completed", worker=worker)
    assert "Crashed" not in history(api, started["late"])
    assert runs.starts("late") == 3


def test_foreign_runs_are_left_alone(api: httpx.Client, runs: Runs, started: dict[str, str], worker: Path) -> None:
    """After all of ours have acted: still suspended, crashed, cancelled; no run of ours knows of them."""
    wait_for_state(api, started["timed"], "Completed", worker=worker)
    wait_until(lambda: bool(healed_of(api, started["dying"])), worker.read_text)
    foreign = {name: run_id for name, run_id in started.items() if name.startswith("foreign-")}
    assert {name: state(api, run_id).lower() for name, run_id in foreign.items()} == {
        name: name.removeprefix("foreign-") for name in foreign
    }
    assert {name: runs.starts(name) for name in foreign} == dict.fromkeys(foreign, 1)
    assert healing_runs(api)
    assert not set(foreign.values()) & {run["parameters"]["flow_run_id"] for run in healing_runs(api)}
    assert acted_on(api, started["timed"]) > 0
    assert [acted_on(api, run_id) for run_id in foreign.values()] == [0] * len(foreign)


def acted_on(api: httpx.Client, run_id: str) -> int:
    """How many actions of automations were about a run."""
    wanted = {
        "event": {"prefix": ["prefect.automation.action."]},
        "related": {"id": [f"prefect.flow-run.{run_id}"]},
    }
    return int(api.post("/events/filter", json={"filter": wanted}).raise_for_status().json()["total"])
