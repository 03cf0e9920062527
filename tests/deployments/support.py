"""What a person does with Prefect's REST API, and with processes."""

import re
from pathlib import Path
from typing import Any

import httpx
import psutil
from prefect_openai_batch.emulator import BatchServer

from ..conftest import ROOT, wait_until

FLOWS = {
    "collect": "openai-batch-collect",
    "collect-cancelled": "openai-batch-collect-cancelled",
    "form": "openai-batch-form",
    "heal": "openai-batch-heal",
    "resume": "openai-batch-resume",
    "trial": "openai-batch-trial",
    "wake": "openai-batch-wake",
}
"""The flows of the deployments that are not of the main one."""

ENDED = ("COMPLETED", "FAILED", "CANCELLED")
"""States after which no other comes by itself."""


def deployment(api: httpx.Client, name: str) -> dict[str, Any]:
    flow = FLOWS.get(name, "openai-batch")
    found: dict[str, Any] = api.get(f"/deployments/name/{flow}/{name}").raise_for_status().json()
    return found


def start(api: httpx.Client, server: BatchServer, parameters: dict[str, Any], name: str = "on-demand") -> str:
    """Start a run of a deployment with JSON parameters, as the UI's form does."""
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test"}
    answer = api.post(
        f"/deployments/{deployment(api, name)['id']}/create_flow_run",
        json={"parameters": parameters, "job_variables": {"env": environment}, "state": {"type": "SCHEDULED"}},
    )
    run_id: str = answer.raise_for_status().json()["id"]
    return run_id


def state(api: httpx.Client, run_id: str) -> str:
    name: str = api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state_name"]
    return name


def history(api: httpx.Client, run_id: str) -> list[str]:
    """The names of the states a run has had, the oldest first."""
    states = api.get("/flow_run_states/", params={"flow_run_id": run_id}).raise_for_status().json()
    return [one["name"] for one in sorted(states, key=lambda one: str(one["timestamp"]))]


def wait_for_state(api: httpx.Client, run_id: str, *names: str, worker: Path) -> None:
    """Wait until a run is as it should be; another end than that is told at once."""

    def why() -> str:
        return f"the run is {state(api, run_id)}\n{worker.read_text()}"

    def reached() -> bool:
        run = api.get(f"/flow_runs/{run_id}").raise_for_status().json()
        if run["state_name"] in names:
            return True
        assert run["state_type"] not in ENDED, why()[-4000:]
        return False

    wait_until(reached, why, pause=0.4)  # each look costs Prefect's server time that the run waits for


def task_runs(api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    answer = api.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [run_id]}}})
    runs: list[dict[str, Any]] = answer.raise_for_status().json()
    return runs


def steps(api: httpx.Client, run_id: str) -> list[str]:
    """The steps of a run: each begins the last part of its task run's name."""
    return [run["name"].rpartition(" · ")[2].split()[0] for run in task_runs(api, run_id)]


def parameters(folder: Path, options: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "source": {"path": str(ROOT / "examples" / "reviews.csv")},
        "request": {"kind": "chat", "model": "gpt-5-mini", "prompt": "Positive or negative? {{ review }}"},
        "destination": str(folder / "answers.parquet"),
        "storage": str(folder / "jobs"),
        "options": {"poll_seconds": 0.5, **(options or {})},
        **changes,
    }


def flow_run_process(run_id: str) -> psutil.Process:
    """The process in which the worker runs a flow run."""
    found = flow_run_processes(run_id)
    assert found, f"no process of the flow run {run_id} is there"
    return found[0]


def flow_run_processes(run_id: str) -> list[psutil.Process]:
    """The processes of a flow run, by the process table."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREFECT__FLOW_RUN_ID", "").replace("-", "") == run_id.replace("-", ""):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def retry_after_crash(api: httpx.Client, run_id: str, worker: Path) -> None:
    """Retry a run as the UI does, once the worker has told of the crash for the second time."""

    def told_twice() -> bool:
        later = worker.read_text().partition(f"Reported flow run '{run_id}' as crashed")[2]
        return re.search(r"prefect\.flow_runs\.worker - (?!.*submi)", later) is not None

    wait_until(told_twice, worker.read_text)
    wanted = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
    api.post(f"/flow_runs/{run_id}/set_state", json=wanted).raise_for_status()


def asked(server: BatchServer, method: str, path: str) -> list[dict[str, Any]]:
    return [
        request for request in server.requests() if request["method"] == method and request["path"].endswith(path)
    ]


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

    wait_until(is_there, worker.read_text)
    return str(found[0]["id"])


def ended(api: httpx.Client, server: BatchServer, run_id: str) -> bool:
    server.advance(1)
    return state(api, run_id) in ("Completed", "Partial", "Failed", "Crashed")
