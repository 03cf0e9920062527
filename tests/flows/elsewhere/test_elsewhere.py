"""A run that goes on where its job's folder is not: on another machine, or after a clean-out."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings
from prefect.states import AwaitingRetry, Pending, Suspended
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import BatchUnknown
from prefect_openai_batch.batch.jobs.options import SETTLE_SECONDS
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.flows.resume import resume_job
from prefect_openai_batch.flows.runs import TAG
from prefect_openai_batch.flows.suspension.wake import wake_jobs

from ..conftest import REVIEW, Run

pytestmark = pytest.mark.server


@flow
def pipeline(source: str, request: ChatRequest, storage: str, options: RunOptions) -> None:
    """A pipeline of somebody's own, of which ours is a part."""
    openai_batch(source, request, storage=storage, options=options)


def ask_for_retry(run: FlowRun) -> FlowRun:
    """Let a failed run go again, as a person or an automation does."""
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run.id, AwaitingRetry(), force=True)
        return client.read_flow_run(run.id)


@pytest.mark.parametrize("entry", [openai_batch, pipeline], ids=["the flow", "a part of another"])
def test_a_retry_without_its_folder_looks_before_it_sends(
    batch_server: BatchServer, prefect_server: str, reviews: Path, tmp_path: Path, entry: Any
) -> None:
    """Its key is the run's, so what it sent is listed; the first start of a run lists nothing before it sends."""
    wanted = {
        "source": str(reviews),
        "request": REVIEW,
        "storage": str(tmp_path / "jobs"),
        "options": RunOptions(poll_seconds=0.1),
    }
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(entry, state=Pending())
    batch_server.fail(RouteFault(kind="http_error", route="GET */batches/*", status=401))
    with pytest.raises(openai.AuthenticationError):
        run_flow(entry, flow_run=run, parameters=wanted)
    calls = [f"{one['method']} {one['path']}" for one in batch_server.requests()]
    assert "GET /v1/batches" not in calls
    batch_server.fail()
    shutil.rmtree(tmp_path / "jobs")
    run_flow(entry, flow_run=ask_for_retry(run), parameters=wanted)
    assert len(batch_server.state()["batches"]) == 1
    assert batch_server.bill()["billed"] == 30


@pytest.fixture
def sent_elsewhere(
    run: Run, reviews: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], None]:
    """Send a job to a server that is another one by the time it is waited for."""

    def send(job_key: str) -> None:
        with BatchServer(speed=0) as before:
            monkeypatch.setenv("OPENAI_BASE_URL", before.base_url)
            monkeypatch.setenv("OPENAI_API_KEY", "test")
            run(reviews, wait="detach", job_key=job_key, destination=str(tmp_path / f"{job_key}.csv"))

    return send


def test_resuming_with_another_account_says_so(
    sent_elsewhere: Callable[[str], None],
    batch_server: BatchServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """At once, where it would have waited for days."""
    sent_elsewhere("job")
    monkeypatch.setenv("OPENAI_BASE_URL", batch_server.base_url)
    minutes_later(monkeypatch)
    with pytest.raises(BatchUnknown, match=f"asked with the environment's key .* at {batch_server.base_url}"):
        resume_job("job", storage=str(tmp_path / "jobs"))


def minutes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be so much later that no server lags behind a creation."""
    true_now = clock.now
    monkeypatch.setattr(clock, "now", lambda: true_now() + SETTLE_SECONDS)


def test_a_job_of_another_account_keeps_no_other_asleep(
    sent_elsewhere: Callable[[str], None],
    still_server: BatchServer,
    reviews: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The wake flow wakes those whose batches have ended; what is unknown to an account is in the log alone."""
    sent_elsewhere("of-another")
    monkeypatch.setenv("OPENAI_BASE_URL", still_server.base_url)
    run(reviews, wait="detach", job_key="of-ours", destination=str(tmp_path / "answers.csv"))
    still_server.advance(10)
    minutes_later(monkeypatch)
    with get_client(sync_client=True) as client:
        runs = [
            client.create_flow_run(
                openai_batch,
                parameters={"job_key": key, "storage": str(tmp_path / "jobs"), "options": {"wait": "suspend"}},
                tags=[TAG],
                state=Suspended(),
            )
            for key in ("of-another", "of-ours")
        ]
        results = tmp_path / "results"
        try:
            with temporary_settings({PREFECT_RESULTS_LOCAL_STORAGE_PATH: results}):
                assert wake_jobs() == ["of-ours"]
        finally:
            for one in runs:
                client.delete_flow_run(one.id)
    assert [*results.rglob("*")] == []  # it looks thousands of times a day


def test_a_suspended_job_that_wake_does_not_see_is_told_of(
    prefect_server: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its folder lies on another machine, say: the log of `wake` names its run."""
    with get_client(sync_client=True) as client:
        place = {"job_key": "elsewhere", "storage": str(tmp_path / "jobs")}
        one = client.create_flow_run(
            openai_batch, parameters={**place, "options": {"wait": "suspend"}}, tags=[TAG], state=Suspended()
        )
        try:
            wake_jobs()
        finally:
            client.delete_flow_run(one.id)
    assert f"The job of flow run '{one.name}' is not in the storage that this run sees" in caplog.text
