"""A run is cancelled before it began, whose job key another run's job has: that one goes on untouched."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Cancelling, Pending, Running, Scheduled
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.cancellation import cancel_open_batches
from prefect_openai_batch.flows.healing import NO_DEPLOYMENT, NO_SLOT, TIMED_OUT, collect_cancelled_run
from prefect_openai_batch.flows.runs import TAG

from ..conftest import ROOT
from .support import asked, deployment

pytestmark = pytest.mark.server

CANCELLED: dict[str, tuple[list[State[Any]], bool]] = {
    "a second start without a slot": ([Scheduled(), Cancelled(message=NO_SLOT)], False),
    "by hand while it queued": ([Scheduled(), Pending(), Cancelled()], False),
    "without its deployment": ([Pending(), Cancelled(message=f"Deployment 1 {NO_DEPLOYMENT}")], False),
    "by hand as its process started": ([Pending(), Cancelling()], False),
    "by hand as its host had vanished": ([Pending(), Running(), Cancelled(message=TIMED_OUT)], True),
}


@pytest.mark.parametrize(("states", "ends"), CANCELLED.values(), ids=CANCELLED)
def test_only_a_run_that_began_ends_its_job(
    api: httpx.Client,
    deployed: dict[str, Any],
    still_server: BatchServer,
    tmp_path: Path,
    states: list[State[Any]],
    ends: bool,
) -> None:
    """Neither the collector nor the worker's hook takes another run's job for that of one that never ran."""
    place = {"job_key": "shared", "storage": str(tmp_path / "jobs"), "credentials": "cancellation"}
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
    source, detached = str(ROOT / "examples" / "reviews.csv"), RunOptions(wait="detach")
    openai_batch(source, request, options=detached, **place)  # type: ignore[call-overload]  # texts, all of them
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(openai_batch, parameters=place, tags=[TAG], state=states[0])
        for state in states[1:]:
            client.set_flow_run_state(run.id, state, force=True)
        if states[-1].is_cancelling():
            cancel_open_batches(openai_batch, run, states[-1])  # the run as its worker took it up
        else:
            collect_cancelled_run(run.id)
        client.delete_flow_run(run.id)
    assert (load_job(str(tmp_path / "jobs" / "shared")).stopped() is not None) == ends
    assert bool(asked(still_server, "POST", "/cancel")) == ends
    ids = [deployment(api, name)["id"] for name in ("collect", "resume")]
    filtered = {"flow_runs": {"deployment_id": {"any_": ids}}}
    runs = api.post("/flow_runs/filter", json=filtered).raise_for_status().json()
    taken_up = [one["id"] for one in runs if one["parameters"]["job_key"] == "shared"]
    for one in taken_up:
        api.delete(f"/flow_runs/{one}").raise_for_status()
    assert len(taken_up) == ends
