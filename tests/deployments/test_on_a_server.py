"""The deployments on a real server, with a real worker, as a person uses them."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import yaml
from prefect_openai_batch import openai_batch
from prefect_openai_batch.emulator import BatchServer, LineFault

from ..conftest import ROOT, wait_until
from .support import (
    deployment,
    flow_run_process,
    parameters,
    retry_after_crash,
    start,
    state,
    steps,
    task_runs,
    wait_for_state,
)

pytestmark = pytest.mark.server


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


def test_the_nightly_schedule_makes_runs_when_it_is_on(api: httpx.Client, deployed: dict[str, Any]) -> None:
    """They are there soon after it is switched on, each at its hour."""
    nightly = deployment(api, "nightly")
    wanted = {
        "deployments": {"id": {"any_": [nightly["id"]]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
    }

    def scheduled() -> list[dict[str, Any]]:
        return list(api.post("/flow_runs/filter", json=wanted).raise_for_status().json())

    schedule = f"/deployments/{nightly['id']}/schedules/{nightly['schedules'][0]['id']}"
    api.patch(schedule, json={"active": True}).raise_for_status()
    wait_until(lambda: bool(scheduled()))
    assert {run["expected_start_time"][11:19] for run in scheduled()} == {"02:00:00"}
    assert {run["auto_scheduled"] for run in scheduled()} == {True}
    api.patch(schedule, json={"active": False}).raise_for_status()


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
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    batch_server: BatchServer,
    prefect_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """Its task runs, results and states are on the server, its answers at the destination."""
    run_id = start(api, batch_server, parameters(tmp_path))
    wait_for_state(api, run_id, "Completed", "Partial", "Failed", "Crashed", worker=worker)
    assert state(api, run_id) == "Completed"
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert len(answers) == 240
    assert answers["answer"].notna().all()
    assert {"read", "build", "submit", "wait", "fetch", "write", "clean"} <= set(steps(api, run_id))
    assert {run["state_type"] for run in task_runs(api, run_id)} == {"COMPLETED"}
    results = [run["state"]["data"] for run in task_runs(api, run_id) if run["name"] != "show report"]
    assert {result["serializer"]["type"] for result in results} == {"json"}
    stored = Path(prefect_environment["PREFECT_HOME"], "storage")
    assert all(json.loads((stored / result["storage_key"]).read_text()) for result in results)
    assert any(result["storage_key"].endswith("/round-1/00000/built.json") for result in results)
    assert batch_server.state()["files"] == []


def test_a_relative_destination_is_refused(
    api: httpx.Client, deployed: dict[str, Any], worker: Path, batch_server: BatchServer, tmp_path: Path
) -> None:
    """It would lie in the worker's folder; nothing is sent, nothing begun."""
    run_id = start(api, batch_server, parameters(tmp_path, destination="labelled.csv"))
    wait_for_state(api, run_id, "Failed", worker=worker)
    assert "The destination 'labelled.csv' is a relative path" in api.get(f"/flow_runs/{run_id}").text
    assert batch_server.requests() == []
    assert list(tmp_path.glob("jobs/*")) == []


def test_a_partial_run_goes_on_from_the_ui(
    api: httpx.Client, deployed: dict[str, Any], worker: Path, batch_server: BatchServer, tmp_path: Path
) -> None:
    """Its state's message names the deployment and the key that take its job up again."""
    batch_server.fail(LineFault(kind="timeout"))
    given = parameters(tmp_path, {"max_rounds": 1}, job_key="partial")
    message = str(openai_batch(**given, return_state=True).message)
    batch_server.fail()
    _, name, key = re.findall(r"the deployment (\S+)/(\S+) with job key (\S+),", message)[0]
    run_id = start(api, batch_server, {"job_key": key, "storage": given["storage"]}, name)
    wait_for_state(api, run_id, "Completed", "Failed", "Crashed", worker=worker)
    assert pd.read_parquet(tmp_path / "answers.parquet")["answer"].notna().all()


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
        wait_until(lambda: any(run["state_name"] == "AwaitingRetry" for run in task_runs(api, run_id)))
        jobs = tmp_path / "jobs" / run_id
        built = {path: path.stat().st_mtime_ns for path in jobs.glob("r*/**/*.parquet")}
        assert built
        flow_run_process(run_id).send_signal(signal.SIGKILL)
        wait_for_state(api, run_id, "Crashed", worker=worker)
        before = len(server.requests())
        retry_after_crash(api, run_id, worker)
        wait_until(lambda: len(server.requests()) > before, worker.read_text)
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
