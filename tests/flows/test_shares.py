"""Runs that share a bound on enqueued tokens: who holds more than its share lets others go first."""

import time
from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect_openai_batch import RunOptions
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.batch.jobs.options import Wait
from prefect_openai_batch.emulator import BatchServer, Timing
from prefect_openai_batch.emulator.clock import Clock
from prefect_openai_batch.flows.job_run import JobRun
from prefect_openai_batch.flows.sending.flight import Flight
from prefect_openai_batch.tasks.remote import paces
from prefect_openai_batch.tasks.remote.account import Account

from .conftest import Run

pytestmark = pytest.mark.server


@pytest.mark.parametrize(("wait", "age", "pause"), [("suspend", 30, (4, 3600)), ("detach", 3600, (0, 50))])
def test_who_looks_again_leaves_room_to_others_first(
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
    reviews: Path,
    tmp_path: Path,
    wait: Wait,
    age: float,
    pause: tuple[int, int],
) -> None:
    """A run that suspends stays awake for that while, and takes what is still free; a detached one takes it."""
    place, timing = str(tmp_path / "jobs" / "job"), Timing(running=7200)
    with BatchServer(timing=timing, clock=Clock(1, time.time() - age)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        run(reviews, max_enqueued_tokens=200, wait="detach", in_flight=1)
        options = RunOptions(wait=wait, poll_seconds=0.1, max_poll_seconds=0.5)
        assert not flow(name="sends")(Flight(JobRun(load_job(place), options, None), 1).run)()
        batches = sorted(server.state()["batches"], key=lambda batch: batch["created_at"])
    tokens = list(accumulate(int(batch["metadata"]["enqueued_tokens"]) for batch in batches))
    beyond = bisect_right(tokens, 100)  # the first over half of the bound, as if one more job were about to begin
    waited = batches[beyond]["created_at"] - batches[beyond - 1]["created_at"]
    assert pause[0] <= waited < pause[1]
    assert 150 < tokens[-1] <= 200


def test_who_is_paused_by_hand_still_ends_in_time(
    monkeypatch: pytest.MonkeyPatch, batch_server: BatchServer, run: Run, reviews: Path
) -> None:
    """A run that waits until a limit of 0 is lifted sees that its time is up; it has sent nothing."""
    monkeypatch.setattr(paces, "PAUSED_SECONDS", 0.1)
    name = paces.CREATIONS.name(Account(f"{batch_server.base_url}/"))
    with get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(
            GlobalConcurrencyLimitCreate(name=name, limit=0, slot_decay_per_second=1.0)
        )
    finish_by = datetime.now(UTC) + timedelta(seconds=8)
    report = run(reviews, finish_by=finish_by.isoformat(), cancel_lead_minutes=0, max_poll_seconds=0.5)
    assert 0 < (datetime.now(UTC) - finish_by).total_seconds() < 30
    assert (report.answered, batch_server.state()["batches"]) == (0, [])
