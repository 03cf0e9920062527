"""A job that has to be done by a time is done by then, on a clock that goes on by half an hour at each look."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import RunOptions, collect_job, resume_job
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import DeadlineError
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.batch.jobs.rounds import plan_answers
from prefect_openai_batch.cli import app as command_line
from prefect_openai_batch.emulator import BatchFault, BatchServer, RouteFault, Timing
from prefect_openai_batch.flows.suspension.checks import AWAKE_SECONDS
from prefect_openai_batch.flows.suspension.readiness import could_go_on, read_standing
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from .conftest import BY_MODEL, Run, looked_at

HOUR = 3600

Serve = Callable[..., BatchServer]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start a server whose time passes as the job looks; our clock goes by it."""
    with ExitStack() as stack:

        def start(*, seconds: float = HOUR / 2, **timing: float) -> BatchServer:
            times = Timing(validating=60, finalizing=60, **timing)
            server = stack.enter_context(looked_at(monkeypatch, seconds=seconds, timing=times))
            monkeypatch.setattr(clock, "now", server.clock.now)
            return server

        yield start


@pytest.mark.server
def test_a_batch_that_never_ends_is_cancelled(serve: Serve, by_model: Path, run: Run) -> None:
    """Two days after its window; what it had finished is kept, and none of it is paid again."""
    server = serve(seconds=4 * HOUR, running=HOUR, cancelling=600)
    server.fail(BatchFault(kind="hang_finalizing", batches=(1,), seconds=100 * 24 * HOUR))
    report = run(by_model, BY_MODEL, max_poll_seconds=0.1)
    assert sorted(batch.status for batch in report.batches) == ["cancelled", "completed", "completed"]
    assert report.complete
    assert report.rounds == 1
    assert server.bill()["billed"] == 30


def in_hours(hours: float) -> dict[str, Any]:
    """Done in so many hours, with three of them for cancelling."""
    finish_by = datetime.fromtimestamp(clock.now(), UTC) + timedelta(hours=hours)
    return {"finish_by": finish_by.isoformat(), "cancel_lead_minutes": 180, "max_poll_seconds": 0.1}


@pytest.mark.server
def test_what_is_cut_off_is_left_with_its_reason(serve: Serve, by_model: Path, tmp_path: Path, run: Run) -> None:
    """What the batches had finished when they were cancelled is kept; nothing more is paid."""
    server = serve(running=10 * HOUR, cancelling=600)
    begun = clock.now()
    report = run(by_model, BY_MODEL, in_flight=2, **in_hours(8))
    assert clock.now() - begun < 8 * HOUR
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert {batch["status"] for batch in server.state()["batches"]} == {"cancelled"}
    assert len(server.state()["batches"]) == 2
    assert 0 < report.answered == server.bill()["billed"] < 20
    assert set(answers["outcome"]) == {"succeeded", "cancelled"}
    assert answers.loc[answers["model"] == "gpt-5-nano", "error_code"].tolist() == ["finish_by"] * 10
    assert report.stopped is not None
    assert "had to be done by" in report.stopped
    assert server.state()["files"] == []


@pytest.mark.server
def test_what_is_open_is_cancelled_in_time_whatever_else_has_stopped_the_job(
    serve: Serve, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """As a model that OpenAI does not know: the batches of the others ran on, unread and paid in full."""
    server = serve(running=10 * HOUR, cancelling=600)
    deadline = in_hours(8)
    run(by_model, BY_MODEL, in_flight=2, wait="detach", **deadline)
    load_job(str(tmp_path / "jobs" / "job")).stop("model_not_found", "OpenAI does not know the model gpt-5-nano.")
    report = run(by_model, BY_MODEL, **deadline)
    assert {batch["status"] for batch in server.state()["batches"]} == {"cancelled"}
    assert 0 < report.answered == server.bill()["billed"] < 20


@pytest.mark.server
def test_a_stopped_job_that_sleeps_is_woken_to_be_cancelled_once(
    serve: Serve, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """So long before its end that what was finished comes; what had stopped it is still why rows were not sent."""
    serve(running=10 * HOUR)
    run(by_model, BY_MODEL, in_flight=1, wait="detach", **in_hours(8))
    job = load_job(str(tmp_path / "jobs" / "job"))
    job.stop("budget", "Its budget was used up.")
    assert job.deadline
    cancel_at, finish_by = job.deadline.cancel_at.timestamp(), job.deadline.finish_by.timestamp()
    assert not could_go_on(read_standing(job), [], cancel_at - AWAKE_SECONDS - 1)
    assert could_go_on(read_standing(job), [], cancel_at - AWAKE_SECONDS)
    job.stop("finish_by", "Its time is up.")
    assert not could_go_on(read_standing(job), [], finish_by - AWAKE_SECONDS - 1)
    assert could_go_on(read_standing(job), [], finish_by - AWAKE_SECONDS)
    stopped = job.stopped()
    assert stopped
    assert (stopped.code, stopped.message) == ("budget", "Its budget was used up.")


@pytest.mark.server
def test_what_is_cut_off_is_answered_at_once(serve: Serve, by_model: Path, tmp_path: Path, run: Run) -> None:
    """Every row has its answer in time, and none was paid for twice."""
    server = serve(running=10 * HOUR, cancelling=600)
    report = run(by_model, BY_MODEL, in_flight=2, answer_rest=True, **in_hours(8))
    assert report.complete
    bill = server.bill()
    assert bill["billed"] == 30
    assert 10 <= bill["synchronous"] < 30
    assert bill["billed_more_than_once"] == bill["billed_both_ways"] == []
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert answers["batch_id"].value_counts()["synchronous"] == bill["synchronous"]
    assert server.state()["files"] == []


@pytest.mark.server
def test_what_was_to_be_answered_at_once_goes_in_no_batch_of_its_round(
    serve: Serve, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """A job that was cut off after that was planned: resumed, it sends each row in one round, and pays it once."""
    server = serve(running=HOUR, cancelling=600)
    run(by_model, BY_MODEL, in_flight=2, wait="detach")
    job = load_job(str(tmp_path / "jobs" / "job"))
    job.stop("finish_by", "The job had to be done.")
    assert [selection.rows for selection in plan_answers(job, 2)] == [10]
    assert not read_standing(job).unsent
    options = RunOptions(poll_seconds=0.1, max_poll_seconds=0.1)
    report = resume_job("job", storage=str(tmp_path / "jobs"), options=options)
    assert report.complete
    bill = server.bill()
    assert bill["billed"] == 30
    assert bill["billed_more_than_once"] == bill["billed_both_ways"] == []


@pytest.mark.server
@pytest.mark.parametrize(
    ("cancelling", "answered"), [(600, 30), (6 * HOUR, 10)], ids=["batches end", "batches do not end in time"]
)
def test_what_a_killed_start_had_planned_to_answer_at_once_is_asked_once(
    serve: Serve, by_model: Path, tmp_path: Path, run: Run, cancelling: float, answered: int
) -> None:
    """Killed before any of it was built: the next start asks it in time, in the round that has it."""
    server = serve(running=10 * HOUR, cancelling=cancelling)
    deadline = in_hours(8)
    run(by_model, BY_MODEL, in_flight=2, wait="detach", answer_rest=True, **deadline)
    job = load_job(str(tmp_path / "jobs" / "job"))
    job.stop("finish_by", "The job had to be done.")
    server.advance(5 * HOUR)
    assert [selection.rows for selection in plan_answers(job, 2)] == [10]
    assert run(by_model, BY_MODEL, in_flight=2, answer_rest=True, **deadline).answered == answered
    answers, bill = pd.read_parquet(tmp_path / "answers.parquet"), server.bill()
    assert answers["batch_id"].value_counts()["synchronous"] == bill["synchronous"]
    assert bill["billed_more_than_once"] == bill["billed_both_ways"] == []


@pytest.mark.server
def test_what_is_still_cancelling_is_reported_and_not_answered_twice(
    serve: Serve, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Its batches are named, its files stay, and collecting it later loses nothing that was paid."""
    server = serve(running=10 * HOUR, cancelling=6 * HOUR)
    report = run(by_model, BY_MODEL, answer_rest=True, **in_hours(8))
    assert len(report.open_batches) == 3
    assert report.answered == 0
    assert server.bill()["synchronous"] == 0
    assert len(server.state()["files"]) == 3
    server.advance(6 * HOUR)
    collected = collect_job("job", storage=str(tmp_path / "jobs"), options=RunOptions(poll_seconds=0.1))
    assert collected.open_batches == ()
    assert 0 < collected.answered == server.bill()["billed"]
    assert server.state()["files"] == []


@pytest.mark.server
def test_a_batch_that_cannot_be_cancelled_keeps_no_other_running(serve: Serve, by_model: Path, run: Run) -> None:
    """Nor does it keep the table: the batch is named in it, and is fetched later."""
    server, deadline = serve(running=10 * HOUR, cancelling=600), in_hours(8)
    run(by_model, BY_MODEL, wait="detach", **deadline)
    stuck = server.state()["batches"][0]["id"]
    server.fail(RouteFault(kind="http_error", route=f"POST */{stuck}/cancel", status=500))
    with brief_pauses():
        report = run(by_model, BY_MODEL, **deadline)
    assert report.open_batches == (stuck,)
    assert sorted(batch["status"] for batch in server.state()["batches"]) == [
        *("cancelled", "cancelled", "in_progress")
    ]


@pytest.mark.server
@pytest.mark.parametrize("status", [503, 429])
def test_a_table_is_written_in_time_where_no_look_gets_through(
    serve: Serve, by_model: Path, tmp_path: Path, run: Run, status: int
) -> None:
    """What is open is cancelled when the time for that has come, and named in the report when it is over."""
    server, deadline = serve(running=10 * HOUR, cancelling=600), in_hours(8)
    begun = clock.now()
    run(by_model, BY_MODEL, wait="detach", **deadline)
    server.fail(RouteFault(kind="http_error", route="GET */batches*", status=status))
    with brief_pauses():
        report = run(by_model, BY_MODEL, **deadline)
    assert 8 * HOUR <= clock.now() - begun < 10 * HOUR
    assert len(report.open_batches) == 3
    assert len(pd.read_parquet(tmp_path / "answers.parquet")) == 30
    assert {batch["status"] for batch in server.state()["batches"]} == {"cancelled"}


@pytest.mark.server
def test_a_job_that_is_done_in_time_knows_nothing_of_its_deadline(serve: Serve, by_model: Path, run: Run) -> None:
    """Nothing is cancelled, and nothing asked synchronously."""
    server = serve(running=600, cancelling=600)
    deadline = in_hours(30)
    report = run(by_model, BY_MODEL, answer_rest=True, **deadline)
    assert report.complete
    assert report.stopped is None
    server.advance(40 * HOUR)
    assert run(by_model, BY_MODEL, answer_rest=True, finish_by=deadline["finish_by"]) == report
    assert {batch["status"] for batch in server.state()["batches"]} == {"completed"}


@pytest.mark.server
def test_another_time_counts_from_now_on(serve: Serve, by_model: Path, tmp_path: Path, run: Run) -> None:
    """A run of a known job with a later time is done by that one, and a time that is too early is refused."""
    serve(running=10 * HOUR, cancelling=600)
    run(by_model, BY_MODEL, wait="detach", **in_hours(8))
    later = {**in_hours(60), "answer_rest": True}
    with pytest.raises(DeadlineError, match="leaves no time for a batch"):
        run(by_model, BY_MODEL, **in_hours(1))
    assert run(by_model, BY_MODEL, **later).complete
    deadline = load_job(str(tmp_path / "jobs" / "job")).deadline
    assert deadline is not None
    assert (deadline.finish_by.isoformat(), deadline.answer_rest) == (later["finish_by"], True)


@pytest.mark.server
def test_a_job_whose_time_was_up_is_not_begun_anew_by_another(serve: Serve, by_model: Path, run: Run) -> None:
    """The error names what lets it go on."""
    serve(running=10 * HOUR, cancelling=6 * HOUR)
    assert run(by_model, BY_MODEL, **in_hours(8)).open_batches
    with pytest.raises(DeadlineError, match="had to be done by.*batch resume job --storage .*` does"):
        run(by_model, BY_MODEL, **in_hours(20))


@pytest.mark.server
def test_the_command_line_keeps_a_time_for_a_new_job(
    serve: Serve, by_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--finish-by` with `--answer-rest`: what its batches had not finished by then is answered at once."""
    server = serve(running=1000 * HOUR, cancelling=600)
    wishes = in_hours(8)
    command = ["run", str(by_model), "--model", "{{ model }}", "--prompt", "{{ review }}", "--answer-rest"]
    command += ["--finish-by", wishes["finish_by"], "--cancel-lead-minutes", "180", "--poll", "0.1"]
    command += ["--to", str(tmp_path / "answers.csv"), "--storage", str(tmp_path / "jobs"), "--max-poll", "0.1"]
    assert command_line.run(command) == 0
    assert server.bill()["synchronous"] == 30
    assert "stopped: The job had to be done by" in capsys.readouterr().out


@pytest.mark.server
@pytest.mark.parametrize(
    ("finish_by", "message"), [("", "leaves no time for a batch"), ("08:00 Europe", "'08:00 Europe' is no time")]
)
def test_the_command_line_refuses_a_time_that_is_too_early_or_none(
    serve: Serve,
    by_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    finish_by: str,
    message: str,
) -> None:
    """Before anything is written or sent."""
    server = serve(running=HOUR)
    command = ["run", str(by_model), "--model", "{{ model }}", "--prompt", "{{ review }}"]
    command += ["--finish-by", finish_by or in_hours(0.5)["finish_by"], "--to", str(tmp_path / "answers.csv")]
    assert command_line.run([*command, "--storage", str(tmp_path / "jobs")]) == 2
    assert message in capsys.readouterr().err
    assert server.requests() == []
    assert not (tmp_path / "jobs").exists()
