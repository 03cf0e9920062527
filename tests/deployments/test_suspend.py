"""A run that waits suspended has no process; whatever wakes it, each item is billed once."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect_openai_batch.batch.errors import WaitError
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.deployments.installation import install_automations, remove_automations
from prefect_openai_batch.emulator import BatchServer, ServerSettings, Timing
from prefect_openai_batch.emulator.clock import Clock
from prefect_openai_batch.flows.suspension.checks import check_wait

from ..conftest import ROOT, free_port, wait_until
from .support import (
    deployment,
    flow_run_processes,
    history,
    parameters,
    start,
    state,
    steps,
    task_runs,
    wait_for_state,
)
from .webhook.receiving import SECRET, receiving

pytestmark = pytest.mark.server

HOUR = 3600.0
MODELS = ("gpt-5-mini", "gpt-5-nano")
LONG_AGO = 26 * HOUR
"""So far behind is a server whose batches no timer looks at here: to the day's end they are hours old."""


@dataclass
class Job:
    """A job of two batches, twelve hours each, one at a time: a day."""

    run_id: str
    server: BatchServer
    folder: Path

    def await_call(self, method: str, end: str, number: int, worker: Path) -> None:
        def made() -> bool:
            calls = [
                one for one in self.server.requests() if one["method"] == method and one["path"].endswith(end)
            ]
            return len(calls) == number

        wait_until(made, worker.read_text)

    def await_no_process(self, worker: Path) -> None:
        wait_until(lambda: not flow_run_processes(self.run_id), worker.read_text)


@pytest.fixture
def jobs(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    prefect_environment: dict[str, str],
    tmp_path: Path,
) -> Iterator[dict[str, Job]]:
    """Three jobs side by side, each of which can be woken in one way only."""
    hooks = free_port()
    timing = Timing(validating=60, running=12 * HOUR - 120, finalizing=60)
    with ExitStack() as stack:
        found = {}
        for way in ("timer", "wake flow", "webhook"):
            folder = tmp_path / way
            url = f"http://127.0.0.1:{hooks}/" if way == "webhook" else None
            wanted = ServerSettings(
                data=folder / "server", speed=0, timing=timing, webhook_url=url, webhook_secret=SECRET
            )
            clock = Clock(0, time.time() - (0 if way == "timer" else LONG_AGO))
            server = stack.enter_context(BatchServer(wanted, clock=clock))
            found[way] = Job(start(api, server, day(folder)), server, folder)
        environment = {
            **prefect_environment,
            "OPENAI_BASE_URL": found["webhook"].server.base_url,
            "OPENAI_API_KEY": "test",
            "OPENAI_WEBHOOK_SECRET": SECRET,
        }
        stack.enter_context(receiving(tmp_path, environment, hooks))
        install_automations(Times(looks=(10.0, 3600.0, 3600.0)))
        stack.callback(remove_automations)
        yield found


def day(folder: Path) -> dict[str, Any]:
    """Parameters of such a job."""
    table = pd.read_csv(ROOT / "examples" / "reviews.csv")
    table["model"] = [MODELS[row % len(MODELS)] for row in range(len(table))]
    table.to_parquet(folder / "reviews.parquet")
    return parameters(
        folder,
        source={"path": str(folder / "reviews.parquet")},
        request={"kind": "chat", "model": "{{ model }}", "prompt": "Positive or negative? {{ review }}"},
        options={"poll_seconds": 0.5, "wait": "suspend", "in_flight": 1},
    )


def test_a_day_is_waited_for_without_a_process(
    api: httpx.Client, jobs: dict[str, Job], worker: Path, tmp_path: Path
) -> None:
    """A timer, the wake flow or a webhook wakes it; what is done is not done again."""
    for number in range(1, len(MODELS) + 1):
        for job in jobs.values():
            job.await_call("POST", "/batches", number, worker)
            wait_for_state(api, job.run_id, "Suspended", worker=worker)
            job.await_no_process(worker)
        for job in jobs.values():
            job.server.advance(12 * HOUR)
        wake(api, jobs["wake flow"].server, worker)
        for job in jobs.values():
            job.await_call("GET", "/content", number, worker)
    for job in jobs.values():
        wait_for_state(api, job.run_id, "Completed", "Partial", "Failed", "Crashed", worker=worker)
        check_whole(api, job)
    for way in ("wake flow", "webhook"):
        states = history(api, jobs[way].run_id)
        assert states.count("Resuming") == len(MODELS), (way, states)


def wake(api: httpx.Client, server: BatchServer, worker: Path) -> None:
    run_id = start(api, server, {}, "wake")
    wait_for_state(api, run_id, "Completed", "Failed", "Crashed", worker=worker)
    assert state(api, run_id) == "Completed"


def check_whole(api: httpx.Client, job: Job) -> None:
    """Every row has its answer, each item was submitted and billed once, nothing is left behind."""
    assert state(api, job.run_id) == "Completed"
    answers = pd.read_parquet(job.folder / "answers.parquet")
    assert len(answers) == 240
    assert answers["answer"].notna().all()
    assert job.server.bill()["executed"] == job.server.bill()["billed"] == 240
    assert job.server.bill()["billed_more_than_once"] == []
    assert job.server.state()["files"] == []
    counted = Counter(steps(api, job.run_id))
    assert counted["read"] == counted["write"] == 1
    assert counted["submit"] == counted["fetch"] == len(MODELS)
    assert {run["state_type"] for run in task_runs(api, job.run_id)} == {"COMPLETED"}


@pytest.fixture
def our_run(api: httpx.Client, deployed: dict[str, Any]) -> Iterator[FlowRun]:
    """A run of ours as it is when it begins; its deployment has no limit afterwards."""
    found = deployment(api, "on-demand")
    yield FlowRun(flow_id=found["flow_id"], deployment_id=found["id"], tags=found["tags"])
    api.patch(f"/deployments/{found['id']}", json={"concurrency_limit": None}).raise_for_status()


def test_a_run_without_our_tag_cannot_suspend(our_run: FlowRun) -> None:
    """Nothing would wake it; the error says who is to have the tag."""
    check_wait("suspend", our_run)
    with pytest.raises(WaitError, match="without the tag 'openai-batch': give it to the deployment"):
        check_wait("suspend", our_run.model_copy(update={"tags": ["theirs"]}))


def test_a_limit_that_cancels_who_wakes_is_refused(api: httpx.Client, our_run: FlowRun) -> None:
    """Only the strategy that lets a run queue goes with suspending."""
    limited = f"/deployments/{our_run.deployment_id}"
    for strategy in ("ENQUEUE", "CANCEL_NEW"):
        options = {"concurrency_limit": 1, "concurrency_options": {"collision_strategy": strategy}}
        api.patch(limited, json=options).raise_for_status()
        if strategy == "ENQUEUE":
            check_wait("suspend", our_run)
    with pytest.raises(WaitError, match=r"collision strategy to ENQUEUE. Or use wait=\"sensor\""):
        check_wait("suspend", our_run)
    check_wait("sensor", our_run)
