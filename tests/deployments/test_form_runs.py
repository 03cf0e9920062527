"""Runs of the form on a real worker: whatever finds a job by its run finds theirs, by the account's name alone."""

from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.blocks.references import reference_to
from prefect_openai_batch.emulator import BatchServer

from ..conftest import ROOT, wait_until
from .support import asked, cancel, collector_of, deployment, ended, wait_for_state

pytestmark = pytest.mark.server

KEY = "sk-of-the-form-0123456789"


@pytest.fixture
def account(still_server: BatchServer) -> dict[str, Any]:
    """A reference to an account, as the form's picker gives it."""
    block = OpenAICredentials(api_key=KEY, base_url=still_server.base_url)
    block.save("form-runs", overwrite=True)
    return reference_to(block) or {}


def fill_in(api: httpx.Client, account: dict[str, Any], folder: Path, **changes: Any) -> str:
    """Start a run of the form; nothing but the account says whom to ask."""
    given = {
        "account": account,
        "table": str(ROOT / "examples" / "reviews.csv"),
        "question": "How is this review meant? {{ review }}",
        "answer": [{"name": "sentiment", "kind": "choice", "choices": "positive, negative, mixed"}],
        "model": "gpt-5-mini",
        "result": str(folder / "answers.parquet"),
        **changes,
    }
    return run_of(api, "form", given)


def run_of(api: httpx.Client, name: str, parameters: dict[str, Any]) -> str:
    """Start a run of a deployment, in its worker's own environment."""
    wanted = {"parameters": parameters, "state": {"type": "SCHEDULED"}, "enforce_parameter_schema": True}
    answer = api.post(f"/deployments/{deployment(api, name)['id']}/create_flow_run", json=wanted)
    return str(answer.raise_for_status().json()["id"])


def test_a_suspended_run_is_woken_and_pays_nothing_twice(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    still_server: BatchServer,
    account: dict[str, Any],
    prefect_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """It completes, a retry of it finds its job done, and its key stands nowhere."""
    run_id = fill_in(api, account, tmp_path, suspend=True)
    wait_for_state(api, run_id, "Suspended", worker=worker)
    still_server.advance(3600)
    waking = run_of(api, "wake", {})
    wait_for_state(api, waking, "Completed", worker=worker)
    wait_for_state(api, run_id, "Completed", worker=worker)
    wanted = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
    api.post(f"/flow_runs/{run_id}/set_state", json=wanted).raise_for_status()
    wait_until(lambda: f"Job {run_id} is done already" in worker.read_text(), worker.read_text)
    wait_for_state(api, run_id, "Completed", worker=worker)
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert set(answers["sentiment"]) == {"positive", "negative", "mixed"}
    assert still_server.bill()["executed"] == still_server.bill()["billed"] == len(answers) == 240
    assert len(asked(still_server, "POST", "/batches")) == 1
    data = api.get(f"/flow_runs/{run_id}").json()["state"]["data"]
    assert data["serializer"]["type"] == "json"
    places = [worker, *Path(prefect_environment["PREFECT_HOME"]).rglob("*")]
    assert [path for path in places if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_a_cancelled_run_is_collected(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    still_server: BatchServer,
    account: dict[str, Any],
    tmp_path: Path,
) -> None:
    """Its batches are cancelled and its table is written, both with the account's name."""
    run_id = fill_in(api, account, tmp_path)
    wait_until(lambda: bool(asked(still_server, "POST", "/batches")), worker.read_text)
    cancel(api, run_id)
    wait_for_state(api, run_id, "Cancelled", worker=worker)
    wait_until(lambda: bool(asked(still_server, "POST", "/cancel")), worker.read_text)
    collector = collector_of(api, run_id, worker)
    wait_until(lambda: ended(api, still_server, collector), worker.read_text)
    assert api.get(f"/flow_runs/{collector}").json()["parameters"]["credentials"].endswith("/form-runs")
    assert set(pd.read_parquet(tmp_path / "answers.parquet")["outcome"]) <= {"cancelled", "succeeded"}
    assert still_server.state()["files"] == []


def test_a_run_that_is_refused_says_so_calmly(
    api: httpx.Client, deployed: dict[str, Any], worker: Path, account: dict[str, Any], tmp_path: Path
) -> None:
    """Once in its state and once in its log, which is no place for where in the code that was."""
    run_id = fill_in(api, account, tmp_path, table=str(tmp_path / "nothing.csv"))
    wait_for_state(api, run_id, "Failed", worker=worker)
    message = api.get(f"/flow_runs/{run_id}").json()["state"]["message"]
    assert message.startswith(f"Table: {tmp_path}/nothing.csv")
    wanted = {"logs": {"flow_run_id": {"any_": [run_id]}}, "limit": 200}

    def logged() -> list[str]:
        lines = api.post("/logs/filter", json=wanted).raise_for_status().json()
        return [line["message"] for line in lines]

    wait_until(lambda: any("Finished in state Failed" in line for line in logged()), worker.read_text)
    assert "Traceback" not in "".join(logged())
    assert sum("there is no such file" in line for line in logged()) == 1
