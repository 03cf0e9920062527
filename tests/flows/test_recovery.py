"""A job goes on where its folder is lost or never was: by what OpenAI knows of it, in the account that sent it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pandas as pd
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry, Pending, Suspended
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch, recover_job
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import BatchUnknown, JobKeyError
from prefect_openai_batch.batch.jobs.options import SETTLE_SECONDS
from prefect_openai_batch.emulator import BatchServer, LineFault, RouteFault
from prefect_openai_batch.flows.resume import resume_job
from prefect_openai_batch.flows.runs import TAG
from prefect_openai_batch.flows.suspension.wake import wake_jobs

from .conftest import REVIEW, Run

pytestmark = pytest.mark.server

BY_MODEL = ChatRequest(model="{{ model }}", prompt="{{ review }}")


def test_the_answers_of_a_lost_job_are_written(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Each item once, in the order it was sent, with the last round's outcome; nothing is paid or left."""
    batch_server.fail(
        LineFault(kind="error", status=429, pattern="Review (1|2|12):", times=1),
        LineFault(kind="error", status=400, pattern="Review 3:"),
        RouteFault(kind="http_error", route="DELETE *", status=401),
    )
    with pytest.raises(Exception, match="401"):
        run(by_model, BY_MODEL)
    wanted = pd.read_parquet(tmp_path / "answers.parquet")
    batch_server.fail()
    shutil.rmtree(tmp_path / "jobs")
    assert recover_job("job", str(tmp_path / "recovered.parquet"), options=RunOptions(poll_seconds=0.1)) == 30
    recovered = pd.read_parquet(tmp_path / "recovered.parquet")
    in_order = wanted.sort_values("model", kind="stable", ignore_index=True)
    shared = ["custom_id", "outcome", "answer", "error_code", "batch_id"]
    pd.testing.assert_frame_equal(
        recovered[shared].sort_values("custom_id", ignore_index=True),
        in_order[shared].sort_values("custom_id", ignore_index=True),
    )
    assert recovered["custom_id"].str.extract(r"row-(\d+)-")[0].astype(int).head(10).is_monotonic_increasing
    assert batch_server.bill()["billed"] == 29
    assert batch_server.state()["files"] == []


def test_a_key_that_openai_does_not_know_is_refused(
    batch_server: BatchServer, tmp_path: Path, prefect_server: str
) -> None:
    """There is nothing to recover."""
    with pytest.raises(JobKeyError, match="no batch of a job 'nobody'"):
        recover_job("nobody", str(tmp_path / "recovered.csv"))


@pytest.mark.parametrize("status", [403, 405])
def test_what_may_not_be_deleted_is_left(batch_server: BatchServer, reviews: Path, run: Run, status: int) -> None:
    """The table is there and the run is done; the report names the files, and the next start says the same."""
    batch_server.fail(RouteFault(kind="http_error", route="DELETE */files/*", status=status))
    report = run(reviews)
    assert report.complete
    assert set(report.files_left) == {file["id"] for file in batch_server.state()["files"]}
    assert len(report.files_left) == 2
    assert run(reviews) == report


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_server_that_lists_no_files_is_cleaned_up_all_the_same(
    batch_server: BatchServer, reviews: Path, run: Run, status: int
) -> None:
    """What the job knows of is deleted; only uploads without an answer would be looked for."""
    batch_server.fail(RouteFault(kind="http_error", route="GET */files", status=status))
    report = run(reviews)
    assert report.complete
    assert report.files_left == ()
    assert batch_server.state()["files"] == []


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
        with BatchServer() as before:
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
    batch_server: BatchServer,
    reviews: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The wake flow looks at the batches of the others, and then says what is wrong."""
    sent_elsewhere("of-another")
    monkeypatch.setenv("OPENAI_BASE_URL", batch_server.base_url)
    run(reviews, wait="detach", job_key="of-ours", destination=str(tmp_path / "answers.csv"))
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
        try:
            with pytest.raises(BatchUnknown):
                wake_jobs()
        finally:
            for one in runs:
                client.delete_flow_run(one.id)
    (batch,) = batch_server.state()["batches"]
    assert batch_server.requests()[-1]["path"].endswith(batch["id"])
