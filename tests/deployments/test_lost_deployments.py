"""Prefect cancels runs by itself, whose deployment is gone or has no slot for them again: their jobs go on."""

import inspect
from pathlib import Path
from typing import Any

import httpx
import prefect
import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Suspended
from prefect.workers.base import BaseWorker
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.healing import NO_DEPLOYMENT, NO_SLOT, collect_cancelled_run
from prefect_openai_batch.flows.runs import TAG

from ..conftest import ROOT
from .support import deployment

pytestmark = pytest.mark.server


def test_prefect_says_so_of_a_run_that_it_cancels_by_itself() -> None:
    """The words are its worker's, and its server's."""
    assert f'{NO_DEPLOYMENT}"' in inspect.getsource(BaseWorker._submit_run)
    rules = Path(prefect.__file__).parent / "server" / "orchestration" / "core_policy.py"
    assert f'message="{NO_SLOT}"' in rules.read_text()


@pytest.mark.parametrize(
    ("stopped", "taken_up_by", "said"),
    [(False, "resume", NO_DEPLOYMENT), (True, "collect", NO_DEPLOYMENT), (False, "resume", NO_SLOT)],
    ids=["open", "stopped", "without a slot"],
)
def test_the_job_of_a_run_that_prefect_has_cancelled_goes_on(
    api: httpx.Client,
    deployed: dict[str, Any],
    still_server: BatchServer,
    tmp_path: Path,
    stopped: bool,
    taken_up_by: str,
    said: str,
) -> None:
    """By a run of *resume*: its batches are paid, and nobody has cancelled them. What was stopped is collected."""
    place = {"job_key": "left-alone", "storage": str(tmp_path / "jobs"), "credentials": "cancellation"}
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
    source, detached = str(ROOT / "examples" / "reviews.csv"), RunOptions(wait="detach")
    openai_batch(source, request, options=detached, **place)  # type: ignore[call-overload]  # texts, all of them
    job = load_job(str(tmp_path / "jobs" / "left-alone"))
    if stopped:
        job.stop("ended", "The job was ended before this row was sent.")
    with get_client(sync_client=True) as client:
        parameters = {**place, "options": {"wait": "suspend"}}
        run = client.create_flow_run(openai_batch, parameters=parameters, tags=[TAG], state=Suspended())
        client.set_flow_run_state(run.id, Cancelled(message=f"Deployment {run.id}: {said}"), force=True)
        collect_cancelled_run(run.id)
        client.delete_flow_run(run.id)
    resumed = {"flow_runs": {"deployment_id": {"any_": [deployment(api, taken_up_by)["id"]]}}}
    runs = api.post("/flow_runs/filter", json=resumed).raise_for_status().json()
    (other,) = (one for one in runs if one["parameters"]["job_key"] == "left-alone")
    options = {"wait": "suspend"} if stopped else {"wait": "suspend", "in_flight": 20}
    assert other["parameters"] == {**place, "options": options}
    api.delete(f"/flow_runs/{other['id']}").raise_for_status()
    assert (job.stopped() is not None) == stopped
    assert {batch["status"] for batch in still_server.state()["batches"]} <= {"validating", "in_progress"}
