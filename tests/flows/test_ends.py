"""What a batch's end says of its rows, and what a job's records say of its stop, whichever process reads them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pandas as pd
import pytest
from prefect import flow
from prefect_openai_batch import RunOptions, collect_job, resume_job
from prefect_openai_batch.batch.errors import DeadlineError
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.jobs.job import Job, load_job
from prefect_openai_batch.batch.outcomes.by_row.without_lines import without_line
from prefect_openai_batch.batch.outcomes.outcome import OutcomeKind
from prefect_openai_batch.emulator import BatchServer, LineFault, RouteFault, Timing
from prefect_openai_batch.flows.job_run import JobRun
from prefect_openai_batch.flows.sending.flight import Flight
from prefect_openai_batch.tasks import cancel_batch, cancel_job
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import connect
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from .conftest import BY_MODEL, Run

pytestmark = pytest.mark.server

QUICK = RunOptions(poll_seconds=0.1)


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        ("cancelled", OutcomeKind.CANCELLED, False),
        ("cancelling", OutcomeKind.CANCELLED, False),
        ("expired", OutcomeKind.EXPIRED, True),
        ("failed", OutcomeKind.FAILED, True),
        ("completed", OutcomeKind.MISSING, True),
        ("in_progress", OutcomeKind.MISSING, True),
        ("paused-by-somebody", OutcomeKind.MISSING, True),
    ],
)
def test_a_line_in_no_file_is_told_by_its_batch(status: str, kind: OutcomeKind, again: bool) -> None:
    """Each status has its outcome; one that is not known yet says no more than that the line is missing."""
    told = without_line(Batch(id="batch_1", status=status))
    assert (told.outcome, told.again) == (kind, again)
    assert told.error_code
    assert told.error_message


@pytest.fixture
def validating(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """A server on which batches are validated until the clock is advanced."""
    with BatchServer(speed=0, timing=Timing(validating=100, cancelling=10)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        yield server


def soon(server: BatchServer, batches: int, then: Callable[[list[dict[str, Any]]], None]) -> Thread:
    """When so many batches are there, do something with them, and then let time pass."""

    def watch() -> None:
        while len(server.state()["batches"]) < batches:
            time.sleep(0.05)
        then(server.state()["batches"])
        server.advance(1_000)

    thread = Thread(target=watch)
    thread.start()
    return thread


def cancel_the_first(batches: list[dict[str, Any]]) -> None:
    cancel_batch.fn(batches[-1]["id"])


def cancel_all(batches: list[dict[str, Any]]) -> None:
    for batch in batches:
        cancel_batch.fn(batch["id"])


def test_a_batch_cancelled_while_it_validates_is_not_sent_again(
    validating: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Somebody meant it: its rows are told as cancelled, and go again only when the job is resumed."""
    watching = soon(validating, 3, cancel_the_first)
    report = run(by_model, BY_MODEL)
    watching.join()
    assert report.outcomes == {"cancelled": 10, "succeeded": 20}
    assert len(validating.state()["batches"]) == 3
    assert set(pd.read_parquet(tmp_path / "answers.parquet")["error_code"].dropna()) == {"batch_cancelled"}


def test_rows_of_a_job_stopped_while_it_validates_are_told_as_cancelled(
    validating: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Not as missing: their batches say what became of them."""
    run(by_model, BY_MODEL, wait="detach")
    job = load_job(str(tmp_path / "jobs" / "job"))
    job.stop("cancelled", "The job was cancelled before this row was sent.")
    watching = soon(validating, 3, cancel_all)
    report = collect_job("job", storage=str(tmp_path / "jobs"), options=QUICK)
    watching.join()
    assert report.outcomes == {"cancelled": 30}


@pytest.fixture
def left(validating: BatchServer, by_model: Path, run: Run, tmp_path: Path) -> Job:
    """A job of three batches that are validated, and that nobody waits for."""
    run(by_model, BY_MODEL, wait="detach")
    return load_job(str(tmp_path / "jobs" / "job"))


def test_a_collected_job_waits_for_its_batches_however_often_it_is_started(
    validating: BatchServer, left: Job, tmp_path: Path
) -> None:
    """Its batches were promised to be waited for: none is cancelled by a second start."""
    detached = RunOptions(wait="detach", poll_seconds=0.1)
    for _ in range(2):
        assert len(collect_job("job", storage=str(tmp_path / "jobs"), options=detached).open_batches) == 3
    validating.advance(1_000)
    assert collect_job("job", storage=str(tmp_path / "jobs"), options=QUICK).outcomes == {"succeeded": 30}
    assert {batch["status"] for batch in validating.state()["batches"]} == {"completed"}


def test_what_may_have_been_sent_of_an_ended_job_is_collected(
    still_server: BatchServer, by_model: Path, run: Run, tmp_path: Path
) -> None:
    """A creation that got no answer, before the process was killed: its batch is paid, so it is looked for."""
    run(by_model, BY_MODEL, wait="detach", in_flight=1)
    *_, unsent = load_job(str(tmp_path / "jobs" / "job")).input_files()
    with connect() as connection:
        find_or_create(connection, unsent, 0)
    unsent.files.remove("submitted.json")
    still_server.advance(1_000)
    report = collect_job("job", storage=str(tmp_path / "jobs"), options=QUICK)
    assert report.outcomes == {"succeeded": 20, "cancelled": 10}
    assert still_server.bill()["billed"] == 20


def test_what_a_cancelled_job_may_have_sent_is_fetched(
    validating: BatchServer, by_model: Path, run: Run, tmp_path: Path
) -> None:
    """Whoever cancelled the job has found and recorded its batch: who collects the job waits for it."""
    run(by_model, BY_MODEL, wait="detach", in_flight=1)
    job = load_job(str(tmp_path / "jobs" / "job"))
    *_, unsent = job.input_files()
    with connect() as connection:
        find_or_create(connection, unsent, 0)
    unsent.files.remove("submitted.json")
    flight = Flight(JobRun(job, QUICK, None), 1)
    job.stop("cancelled", "The job was cancelled before this row was sent.")
    assert len(cancel_job.fn(job, settle_seconds=0)) == 2
    assert not flow(name="collects")(flight._submit_what_may_go)()
    assert len(flight.departures.flying) == 2


def let_them_end(server: BatchServer) -> Thread:
    """When all batches are being cancelled, let the time pass that it takes."""

    def watch() -> None:
        while {batch["status"] for batch in server.state()["batches"]} != {"cancelling"}:
            time.sleep(0.05)
        server.advance(1_000)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    return thread


def test_a_cancellation_that_does_not_get_through_is_tried_again(
    validating: BatchServer, left: Job, tmp_path: Path
) -> None:
    """Who collects the job waits, and cancels what runs on as soon as OpenAI lets him: nobody else would."""
    left.stop("cancelled", "The job was cancelled before this row was sent.")
    validating.fail(RouteFault(kind="http_error", route="POST */cancel", status=503, times=20))
    watching = let_them_end(validating)
    with brief_pauses():
        assert collect_job("job", storage=str(tmp_path / "jobs"), options=QUICK).outcomes == {"cancelled": 30}
    watching.join()


def test_what_is_created_while_the_job_is_cancelled_is_cancelled(
    validating: BatchServer, reviews: Path, run: Run, tmp_path: Path
) -> None:
    """Whoever stopped the job did not know its batch."""
    validating.fail(RouteFault(kind="hang", route="POST */batches", when="after", seconds=1))

    def stop() -> None:
        while not validating.state()["batches"]:
            time.sleep(0.02)
        load_job(str(tmp_path / "jobs" / "job")).stop("cancelled", "The job was cancelled.")

    stopping = Thread(target=stop)
    stopping.start()
    watching = let_them_end(validating)
    assert run(reviews).outcomes == {"cancelled": 30}
    for thread in (stopping, watching):
        thread.join()


def test_a_job_that_is_cancelled_while_it_is_collected_is_cancelled(left: Job, tmp_path: Path) -> None:
    """To end a job and to cancel it are two things: the second outranks the first, not the other way round."""
    left.stop("ended", "The job was ended before this row was sent.")
    left.stop("cancelled", "The job was cancelled before this row was sent.")
    left.stop("ended", "The job was ended before this row was sent.")
    stopped = left.stopped()
    assert stopped is not None
    assert (stopped.code, stopped.cancels) == ("cancelled", True)


def test_a_stop_for_want_of_quota_survives_a_kill(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Killed between the last fetch and the stop, the next start stops by what the records say."""
    batch_server.fail(LineFault(kind="error", status=429, code="insufficient_quota", pattern="Review 7:"))
    run(by_model, BY_MODEL)
    job = load_job(str(tmp_path / "jobs" / "job"))
    for name in ("stopped.json", "cleaned.json", "report.json"):
        job.files.remove(name)
    report = run(by_model, BY_MODEL)
    assert (report.rounds, len(batch_server.state()["batches"])) == (1, 3)
    assert report.stopped is not None


def test_a_stop_while_a_job_is_resumed_outlives_the_run(left: Job) -> None:
    """A second start of the run that resumed the job does not take back what has stopped it since."""
    left.stop("finish_by", "The job had to be done.")
    assert left.resume("run-1").rounds == 1
    assert left.stopped() is None
    left.stop("cancelled", "The job was cancelled.")
    assert left.resume("run-1").rounds == 1
    assert left.stopped() is not None
    left.resume("run-2")
    assert left.stopped() is None


def test_two_runs_that_resumed_a_job_take_no_later_stop_back(left: Job) -> None:
    """Each wakes again and again, in turns: what has stopped the job meanwhile stays."""
    for run_id in ("run-1", "run-2"):
        assert left.resume(run_id).rounds == 1
    left.stop("cancelled", "The job was cancelled.")
    for run_id in ("run-2", "run-1", "run-2"):
        assert left.resume(run_id).rounds == 1
        assert left.stopped() is not None
    left.resume("run-3")
    assert left.stopped() is None


def test_a_resumed_job_is_sent_as_often_as_was_asked(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Out of quota again, it stops again; nothing is billed twice."""
    batch_server.fail(LineFault(kind="error", status=429, code="insufficient_quota", pattern="Review 7:"))
    run(by_model, BY_MODEL)
    again = resume_job("job", storage=str(tmp_path / "jobs"), options=QUICK)
    assert (again.rounds, again.answered) == (2, 29)
    assert again.stopped is not None
    assert batch_server.bill()["billed_more_than_once"] == []


@pytest.mark.parametrize("refused_row", ["", "Review 3:"], ids=["complete", "partial"])
def test_a_finished_job_keeps_its_table(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run, refused_row: str
) -> None:
    """With no row worth another try it is told of as it was; what a person has changed in the table stays."""
    if refused_row:
        batch_server.fail(LineFault(kind="error", status=400, pattern=refused_row))
    report, table = run(by_model, BY_MODEL), tmp_path / "answers.parquet"
    pd.read_parquet(table).assign(note="checked").to_parquet(table)
    sent, changed = len(batch_server.requests()), table.read_bytes()
    assert resume_job("job", storage=str(tmp_path / "jobs"), options=QUICK) == report
    assert (table.read_bytes(), len(batch_server.requests())) == (changed, sent)


def test_a_table_that_is_gone_is_written_again(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """A finished job without its table is resumed: the answers are in its folder, and nothing is sent."""
    report, table = run(by_model, BY_MODEL), tmp_path / "answers.parquet"
    written = table.read_bytes()
    table.unlink()
    assert resume_job("job", storage=str(tmp_path / "jobs"), options=QUICK).outcomes == report.outcomes
    assert (table.read_bytes(), batch_server.bill()["billed"]) == (written, 30)


def test_a_resumption_that_is_refused_leaves_the_job_stopped(left: Job, tmp_path: Path) -> None:
    """A time that is none takes no stop back."""
    left.stop("cancelled", "The job was cancelled.")
    for text in ("no time", "2020-01-01"):
        with pytest.raises(DeadlineError):
            resume_job("job", storage=str(tmp_path / "jobs"), options=RunOptions(finish_by=text))
    assert left.stopped() is not None
