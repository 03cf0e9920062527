"""OpenAI is away for longer than a call is tried: who waits goes on waiting."""

import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
from openai import InternalServerError, RateLimitError
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.states import Suspended
from prefect_openai_batch import RunOptions, collect_job, openai_batch
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.emulator import BatchServer, Limits, RouteFault, Timing
from prefect_openai_batch.emulator.clock import Clock
from prefect_openai_batch.flows.job import run_job
from prefect_openai_batch.flows.job_run import JobRun
from prefect_openai_batch.flows.runs import TAG
from prefect_openai_batch.flows.sending import flight
from prefect_openai_batch.flows.sending.flight import Flight
from prefect_openai_batch.flows.sending.submitting import AWAY_SECONDS
from prefect_openai_batch.flows.suspension.readiness import could_go_on, read_standing
from prefect_openai_batch.flows.suspension.wake import wake_jobs
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from ..conftest import BY_MODEL, Run, looked_at

pytestmark = pytest.mark.server


@pytest.mark.parametrize("bound", [None, 200], ids=["for a batch", "for room too"])
def test_a_run_that_wakes_in_an_outage_waits_on(
    monkeypatch: pytest.MonkeyPatch, run: Run, reviews: Path, tmp_path: Path, bound: int | None
) -> None:
    """It suspends again, for the next look: a run that failed would be woken by nobody."""
    job = str(tmp_path / "jobs" / "job")
    with BatchServer(timing=Timing(running=7200), clock=Clock(1, time.time() - 60)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        run(reviews, max_enqueued_tokens=bound, wait="detach", in_flight=1)
    options = RunOptions(wait="suspend", poll_seconds=0.1, max_poll_seconds=0.5)
    with brief_pauses():
        assert not flow(name="waits on")(Flight(JobRun(load_job(job), options, None), 1).run)()
    assert len(load_job(job).open_batches()) == 1


SUSPENDS = RunOptions(wait="suspend", poll_seconds=0.1, max_poll_seconds=0.5, settle_seconds=0.0)


def test_a_run_that_wakes_while_nothing_can_be_sent_sends_it_later(
    still_server: BatchServer, run: Run, by_model: Path, tmp_path: Path
) -> None:
    """It suspends again, also where it has an open batch; `wake` then sees that there is something to send."""
    run(by_model, BY_MODEL, wait="detach", in_flight=1)
    job = load_job(str(tmp_path / "jobs" / "job"))
    still_server.fail(RouteFault(kind="http_error", route="POST */batches", status=503))
    with brief_pauses():
        assert not flow(name="sends later")(Flight(JobRun(job, SUSPENDS, None), 1).run)()
    still_server.fail()
    assert len(job.open_batches()) == 1
    assert not could_go_on(read_standing(job), [], clock.now())
    assert could_go_on(read_standing(job), [], clock.now() + AWAY_SECONDS)
    assert not flow(name="sends now")(Flight(JobRun(job, SUSPENDS, None), 1).run)()
    assert len(job.open_batches()) == 1  # not before the time that was noted
    assert still_server.bill()["billed_more_than_once"] == []


def test_a_run_that_wakes_while_nothing_can_be_fetched_fetches_later(
    batch_server: BatchServer, run: Run, reviews: Path, tmp_path: Path
) -> None:
    """What has ended stays open for the next look, and is read then."""
    run(reviews, wait="detach")
    job = load_job(str(tmp_path / "jobs" / "job"))
    batch_server.fail(RouteFault(kind="http_error", route="GET *content", status=503))
    goes_on = flow(name="fetches later", validate_parameters=False)(run_job)
    with brief_pauses():
        for _ in range(2):
            while batch_server.state()["batches"][0]["status"] != "completed":
                time.sleep(0.05)
            assert goes_on(JobRun(job, SUSPENDS, None), 1) is None
    assert len(job.open_batches()) == 1
    batch_server.fail()
    assert run(reviews).complete
    assert batch_server.bill()["billed"] == 30


def test_a_run_that_wakes_while_nothing_can_be_cancelled_cancels_later(
    still_server: BatchServer, run: Run, by_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It suspends again, and is woken for it; who leaves says that it is not done, for nobody comes back to it."""
    run(by_model, BY_MODEL, wait="detach")
    job = load_job(str(tmp_path / "jobs" / "job"))
    job.stop("cancelled", "The job was cancelled.")
    still_server.fail(RouteFault(kind="http_error", route="POST */cancel", status=503))
    begins = clock.now()
    with brief_pauses():
        assert not flow(name="cancels later")(Flight(JobRun(job, SUSPENDS, None), 1).run)()
        with pytest.raises(InternalServerError):
            flow(name="leaves")(Flight(JobRun(job, RunOptions(wait="detach"), None), 1).run)()
    in_a_while = clock.now() + SUSPENDS.max_poll_seconds

    def is_woken(at: float) -> bool:
        with monkeypatch.context() as driven:
            driven.setattr(clock, "now", lambda: at)
            return could_go_on(read_standing(job), [], clock.now())

    assert not is_woken(at=begins)
    assert is_woken(at=in_a_while)
    still_server.fail()
    assert not flow(name="cancels now")(Flight(JobRun(job, SUSPENDS, None), 1).run)()
    assert {batch["status"] for batch in still_server.state()["batches"]} == {"cancelling"}
    assert not is_woken(at=in_a_while)


def test_an_outage_of_the_files_is_waited_out(batch_server: BatchServer, run: Run, reviews: Path) -> None:
    """Longer than a download is tried: who waits in its own process fetches it later."""
    batch_server.fail(RouteFault(kind="http_error", route="GET *content", status=503, times=20))
    with brief_pauses():
        assert run(reviews).complete


def test_who_cannot_see_what_is_enqueued_gives_up_in_the_end(
    batch_server: BatchServer, run: Run, reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As who cannot send: after an hour, and not never."""
    monkeypatch.setattr(flight, "PATIENT_SECONDS", 0.5)
    batch_server.fail(RouteFault(kind="http_error", route="GET */batches", status=500))
    with brief_pauses(), pytest.raises(InternalServerError):
        run(reviews, max_enqueued_tokens=1000)
    assert batch_server.bill()["billed"] == 0


def test_an_outage_of_the_list_is_waited_out_where_a_batch_was_refused(
    monkeypatch: pytest.MonkeyPatch, run: Run, reviews: Path
) -> None:
    """Longer than a listing is tried: what goes on of the batch is asked later, and no item is paid twice."""
    limits = Limits(enqueued_tokens={"*": 200})
    with looked_at(monkeypatch, seconds=0.5, limits=limits, timing=Timing(running=3)) as server:
        server.fail(RouteFault(kind="http_error", route="GET */batches", status=503, calls=tuple(range(2, 22))))
        with brief_pauses():
            assert run(reviews, max_poll_seconds=0.2).complete
        assert "failed" in {batch["status"] for batch in server.state()["batches"]}
        bill = server.bill()
    assert bill["billed"] == 30
    assert bill["billed_more_than_once"] == []


@pytest.mark.parametrize("patient", [True, False], ids=["for minutes", "for hours"])
def test_an_outage_of_the_list_is_waited_out_where_a_batch_may_have_been_created(
    still_server: BatchServer,
    run: Run,
    by_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    patient: bool,
) -> None:
    """By who sends nothing more of the job, for the batch is paid; after an hour he gives up."""
    run(by_model, BY_MODEL, wait="detach")
    *_, last = load_job(str(tmp_path / "jobs" / "job")).input_files()
    last.files.remove("submitted.json")
    still_server.advance(86_400)
    away = {"times": 20} if patient else {}
    still_server.fail(RouteFault(kind="http_error", route="GET */batches", status=503, **away))
    if not patient:
        monkeypatch.setattr(flight, "PATIENT_SECONDS", 0.5)
    collect = partial(collect_job, "job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1))
    with brief_pauses(), nullcontext() if patient else pytest.raises(InternalServerError):
        assert collect().outcomes == {"succeeded": 30}
    assert len(still_server.state()["batches"]) == 3


def test_a_look_for_all_jobs_asks_a_server_that_is_away_once(
    still_server: BatchServer, run: Run, reviews: Path, tmp_path: Path
) -> None:
    """The next look follows within a minute; to try for minutes kept the jobs of other accounts asleep."""
    run(reviews, wait="detach")
    job = {"job_key": "job", "storage": str(tmp_path / "jobs"), "options": {"wait": "suspend"}}
    with get_client(sync_client=True) as client:
        one = client.create_flow_run(openai_batch, parameters=job, tags=[TAG], state=Suspended())
        still_server.fail(RouteFault(kind="http_error", route="GET *", status=503))
        before = len(still_server.requests())
        try:
            with brief_pauses(), pytest.raises(InternalServerError):
                wake_jobs()
        finally:
            client.delete_flow_run(one.id)
    assert len(still_server.requests()) == before + 1


def test_a_detached_run_waits_out_no_outage(batch_server: BatchServer, run: Run, reviews: Path) -> None:
    """It has nothing to stay for; its key goes on with what is left when OpenAI takes batches again."""
    batch_server.fail(RouteFault(kind="http_error", route="POST */batches", status=429))
    with brief_pauses(), pytest.raises(RateLimitError):
        run(reviews, wait="detach")
    batch_server.fail()
    assert run(reviews).complete
    assert batch_server.bill()["billed"] == 30
