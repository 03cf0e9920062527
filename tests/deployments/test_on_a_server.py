"""The deployments on a real server, with a real worker, as a person uses them."""

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil
import pytest
import yaml
from prefect_openai_batch.emulator import BatchServer

from ..conftest import ROOT, wait_until

pytestmark = pytest.mark.server


@pytest.fixture(scope="session")
def api(prefect_server: str) -> Iterator[httpx.Client]:
    """Prefect's REST API, as the UI uses it."""
    with httpx.Client(base_url=prefect_server, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def deployed(work_pool: str, prefect_environment: dict[str, str]) -> dict[str, Any]:
    """Both deployments, by the documented command; the content of the file."""
    command = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml"]
    done = subprocess.run(command, cwd=ROOT, env=prefect_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    content: dict[str, Any] = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    return content


def deployment(api: httpx.Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/deployments/name/openai-batch/{name}").raise_for_status().json()
    return found


def start(api: httpx.Client, server: BatchServer, parameters: dict[str, Any]) -> str:
    """Start a run of the on-demand deployment with JSON parameters, as the UI's form does."""
    environment = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test"}
    answer = api.post(
        f"/deployments/{deployment(api, 'on-demand')['id']}/create_flow_run",
        json={"parameters": parameters, "job_variables": {"env": environment}, "state": {"type": "SCHEDULED"}},
    )
    run_id: str = answer.raise_for_status().json()["id"]
    return run_id


def state(api: httpx.Client, run_id: str) -> str:
    name: str = api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state_name"]
    return name


def wait_for_state(api: httpx.Client, run_id: str, *names: str, worker: Path) -> None:
    def why() -> str:
        return f"the run is {state(api, run_id)}\n{worker.read_text()}"

    wait_until(lambda: state(api, run_id) in names, 120, why)


def task_runs(api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
    answer = api.post("/task_runs/filter", json={"flow_runs": {"id": {"any_": [run_id]}}})
    runs: list[dict[str, Any]] = answer.raise_for_status().json()
    return runs


def parameters(folder: Path, **changes: Any) -> dict[str, Any]:
    return {
        "source": {"path": str(ROOT / "examples" / "reviews.csv")},
        "request": {"kind": "chat", "model": "gpt-5-mini", "prompt": "Positive or negative? {{ review }}"},
        "destination": str(folder / "answers.parquet"),
        "storage": str(folder / "jobs"),
        "poll_seconds": 0.5,
        **changes,
    }


def test_what_is_deployed_is_what_the_file_says(api: httpx.Client, deployed: dict[str, Any]) -> None:
    """Nothing in the parameters is replaced but the folder one deploys from; nothing is pulled."""
    for wanted in deployed["deployments"]:
        stored = deployment(api, wanted["name"])
        said = yaml.safe_dump(wanted["parameters"]).replace("{{ $PWD }}", str(ROOT))
        assert stored["parameters"] == yaml.safe_load(said)
        assert stored["entrypoint"] == wanted["entrypoint"]
        assert stored["work_pool_name"] == "openai-batch"
        assert stored["pull_steps"] == []
        assert stored["concurrency_limit"] is None
    crons = [schedule["schedule"]["cron"] for schedule in deployment(api, "nightly")["schedules"]]
    assert crons == ["0 2 * * *"]


def test_the_form_explains_every_parameter(api: httpx.Client, deployed: dict[str, Any]) -> None:
    """The UI draws its form from this schema; requests are told apart by their kind."""
    schema = deployment(api, "on-demand")["parameter_openapi_schema"]
    described = {name for name, field in schema["properties"].items() if field.get("description")}
    assert described == set(schema["properties"])
    tabs = [
        one.get("$ref", one.get("type")).rpartition("/")[2] for one in schema["properties"]["request"]["anyOf"]
    ]
    assert tabs == ["ChatRequest", "ResponsesRequest", "EmbeddingRequest", "RawRequest", "string"]


def test_a_run_from_the_form_completes(
    api: httpx.Client, deployed: dict[str, Any], worker: Path, batch_server: BatchServer, tmp_path: Path
) -> None:
    """Its task runs, results and states are on the server, its answers at the destination."""
    run_id = start(api, batch_server, parameters(tmp_path))
    wait_for_state(api, run_id, "Completed", "Partial", "Failed", "Crashed", worker=worker)
    assert state(api, run_id) == "Completed"
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert len(answers) == 240
    assert answers["answer"].notna().all()
    names = {run["name"].rsplit("-", 1)[0] for run in task_runs(api, run_id)}
    steps = "read-source build-items submit-batch wait-for-batches fetch-output write-results clean-up"
    assert set(steps.split()) <= names
    assert {run["state_type"] for run in task_runs(api, run_id)} == {"COMPLETED"}
    assert {run["state"]["data"]["serializer"]["type"] for run in task_runs(api, run_id)} == {"json"}
    assert batch_server.state()["files"] == []


def test_bad_parameters_are_refused_by_the_server(
    api: httpx.Client, deployed: dict[str, Any], tmp_path: Path
) -> None:
    """The form's answer names the field."""
    wrong = parameters(tmp_path, request={"kind": "chat", "model": "gpt-5-mini", "prompt": "x", "id_column": 3})
    answer = api.post(
        f"/deployments/{deployment(api, 'on-demand')['id']}/create_flow_run",
        json={"parameters": wrong, "enforce_parameter_schema": True},
    )
    assert answer.status_code == 409
    assert "request" in answer.text


def test_a_run_killed_while_waiting_is_retried_without_sending_anything_again(
    api: httpx.Client, deployed: dict[str, Any], worker: Path, tmp_path: Path
) -> None:
    """After `kill -9` a retry of the run posts nothing, lists nothing, builds nothing, and pays nothing twice."""
    with BatchServer(data=tmp_path / "server", speed=0) as server:
        run_id = start(api, server, parameters(tmp_path))
        wait_until(lambda: any(run["state_name"] == "AwaitingRetry" for run in task_runs(api, run_id)), 120)
        jobs = tmp_path / "jobs" / run_id
        built = {path: path.stat().st_mtime_ns for path in jobs.glob("r*/**/*.parquet")}
        assert built
        flow_run_process(run_id).send_signal(signal.SIGKILL)
        wait_for_state(api, run_id, "Crashed", worker=worker)
        before = len(server.requests())
        retry_after_crash(api, run_id)
        wait_until(lambda: len(server.requests()) > before, 120, worker.read_text)
        for _ in range(20):
            server.advance(1)
        wait_for_state(api, run_id, "Completed", "Failed", "Crashed", worker=worker)
        after = server.requests()[before:]
        assert state(api, run_id) == "Completed"
        assert [request for request in after if request["method"] == "POST"] == []
        assert [request for request in after if request["path"] in ("/v1/batches", "/v1/files")] == []
        assert built == {path: path.stat().st_mtime_ns for path in built}
        assert server.bill()["executed"] == server.bill()["billed"] == 240
        assert server.bill()["billed_more_than_once"] == []
        assert len(pd.read_parquet(tmp_path / "answers.parquet")) == 240


def flow_run_process(run_id: str) -> psutil.Process:
    """The process in which the worker runs a flow run."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("PREFECT__FLOW_RUN_ID", "").replace("-", "") == run_id.replace("-", ""):
                return process
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    raise AssertionError(f"no process of the flow run {run_id} is there")


def retry_after_crash(api: httpx.Client, run_id: str) -> None:
    """Retry a run as the UI does, once the worker has told of the crash for the second time."""
    time.sleep(5)
    wanted = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
    api.post(f"/flow_runs/{run_id}/set_state", json=wanted).raise_for_status()
