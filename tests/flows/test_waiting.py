"""Where a run waits, and what that costs."""

import logging
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.states import Suspended
from prefect_openai_batch import Job, RunOptions, openai_batch
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import WaitError
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.flight.bounds import bounds_of
from prefect_openai_batch.batch.flight.enqueued import Enqueued
from prefect_openai_batch.batch.jobs.deadlines import Deadline
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.batch.jobs.rounds import Whereabouts
from prefect_openai_batch.batch.jobs.submissions import note_refusal
from prefect_openai_batch.batch.jobs.terms import Terms
from prefect_openai_batch.batch.progress import Progress, observed_by
from prefect_openai_batch.emulator import BatchServer, Timing
from prefect_openai_batch.flows.runs import TAG
from prefect_openai_batch.flows.suspension.checks import AWAKE_SECONDS
from prefect_openai_batch.flows.suspension.leaving import awaited
from prefect_openai_batch.flows.suspension.looks import LOOKS, message_after
from prefect_openai_batch.flows.suspension.readiness import could_go_on, read_standing
from prefect_openai_batch.flows.suspension.wake import wake_jobs

from .conftest import BY_MODEL, REVIEW, Run, looked_at, take_room

pytestmark = pytest.mark.server


@pytest.mark.unhurried
def test_a_run_without_a_deployment_cannot_suspend(batch_server: BatchServer, reviews: Path, run: Run) -> None:
    """No worker would take it up; the error names what works, and nothing was asked of OpenAI."""
    with pytest.raises(WaitError, match=r'without a deployment.*use wait="sensor"'):
        run(reviews, wait="suspend")
    assert batch_server.requests() == []


@pytest.mark.unhurried
def test_a_subflow_cannot_suspend(batch_server: BatchServer, reviews: Path, run: Run) -> None:
    """Prefect cannot suspend it alone; the error names what works."""

    @flow
    def parent() -> None:
        openai_batch(str(reviews), REVIEW, options=RunOptions(wait="suspend"))

    with pytest.raises(WaitError, match=r'a subflow cannot be suspended.*use wait="sensor"'):
        parent()
    assert batch_server.requests() == []


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """What Prefect logs of flow runs and task runs."""
    kept: list[logging.LogRecord] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept.append(record)

    keeper = Keeper()
    loggers = [logging.getLogger(f"prefect.{name}") for name in ("flow_runs", "task_runs", "engine")]
    for logger in loggers:
        logger.addHandler(keeper)
    yield kept
    for logger in loggers:
        logger.removeHandler(keeper)


def test_a_waiting_sensor_is_no_error(
    reviews: Path, run: Run, lines: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has changed is an INFO line, which a look that finds nothing new is not; no line of a higher level."""
    with looked_at(monkeypatch, seconds=0.25, timing=Timing(running=4)) as server:
        assert run(reviews).complete
        looks = [one for one in server.requests() if "/batches/" in one["path"]]
    unfinished = [line for line in lines if "items done" in line.getMessage()]
    said = [line.getMessage() for line in unfinished]
    assert all(one.startswith("Waiting: ") for one in said)
    assert 1 <= len(said) < len(looks) - 1  # how many statuses are seen is the machine's speed
    assert len(set(said)) == len(said)
    assert {line.levelno for line in unfinished} == {logging.INFO}
    assert all("\n" not in line.getMessage() and line.exc_info is None for line in unfinished)
    assert [line.getMessage() for line in lines if line.levelno > logging.INFO] == []


class _Stopper(logging.Handler):
    """Stops a job when it says that it waits for room."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.said = folder, list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        if "wait for room" in record.getMessage():
            self.said.append(record.getMessage())
            load_job(str(self.folder)).stop("cancelled", "by hand")


def test_a_stop_is_seen_while_room_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, run: Run, reviews: Path, tmp_path: Path
) -> None:
    """Before room is looked for again, however late that is; it is said once, and how many wait."""
    news: list[Progress] = []
    stopper = _Stopper(tmp_path / "jobs" / "job")
    monkeypatch.setattr(logging.getLogger("prefect.flow_runs"), "handlers", [stopper])
    with looked_at(monkeypatch, seconds=0.0) as server:
        take_room(195)
        before = len(server.requests())
        with observed_by(news.append):
            report = run(reviews, max_enqueued_tokens=200, poll_seconds=15)
        looks = [one for one in server.requests()[before:] if one["path"].endswith("/batches")]
    assert stopper.said == ["Input files wait for room among the enqueued tokens of gpt-5-mini"]
    told = {one.text for one in news if one.step == "upload" and one.text}
    assert told == {"30 items without room among the enqueued tokens of gpt-5-mini"}
    assert (report.answered, len(looks)) == (0, 2)  # the first was for batches of the job's own


@pytest.mark.unhurried
def test_a_job_has_one_progress_artifact(batch_server: BatchServer, by_model: Path, run: Run) -> None:
    """It is updated by every start of the job, never made again."""
    run(by_model, BY_MODEL, job_key="one-artifact", wait="detach", in_flight=1)
    assert run(by_model, BY_MODEL, job_key="one-artifact").complete
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["openai-batch-one-artifact"]))
    with get_client(sync_client=True) as client:
        (artifact,) = client.read_artifacts(artifact_filter=wanted)
    assert artifact.data == 100.0
    assert "- Rows answered: 30 of 30\n" in str(artifact.description)


def test_a_suspended_run_says_what_it_waits_for(detached: Job) -> None:
    """In its state's message, which still ends with the look that automations know it by."""
    said = awaited(detached, detached.open_batches(), 0.0)
    assert said == "Waits for 1 of 1 batches, looked at 00:00 UTC."
    assert message_after(0.0, said) == f"{said} {LOOKS[0].message}"
    assert awaited(detached, [], 0.0).startswith("Waits for room")


@pytest.fixture
def looked_at_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """A server whose batches go on only while a job looks at them."""
    with looked_at(monkeypatch, seconds=0.25) as server:
        yield server


@pytest.fixture
def detached(looked_at_server: BatchServer, by_model: Path, run: Run, tmp_path: Path) -> Job:
    """A job of three batches, of which one is open and two are to go."""
    left = run(by_model, BY_MODEL, wait="detach", in_flight=1)
    assert (left.rows, left.answered, left.unsent_files, left.finished_at) == (30, 0, 2, None)
    assert not left.complete
    return load_job(str(tmp_path / "jobs" / "job"))


def test_a_detached_run_reports_what_is_open(detached: Job, by_model: Path, run: Run) -> None:
    """Its report is a report, as annotated, and so is that of a second such run."""
    again = run(by_model, BY_MODEL, wait="detach", in_flight=1)
    assert again.open_batches == tuple(batch.id for batch in detached.open_batches())


def test_a_detached_job_is_taken_up_again(
    looked_at_server: BatchServer, detached: Job, by_model: Path, run: Run, tmp_path: Path
) -> None:
    """By the same call: each row has its answer, each item was billed once."""
    assert len(detached.open_batches()) == 1
    assert run(by_model, BY_MODEL).complete
    assert looked_at_server.bill()["billed"] == 30
    assert looked_at_server.bill()["billed_more_than_once"] == []
    assert pd.read_parquet(tmp_path / "answers.parquet")["answer"].notna().all()


def test_a_waiting_job_goes_on_when_there_is_something_to_do(detached: Job) -> None:
    """A batch has ended, there may be room again, or its time has come; not for another job's batch."""
    (opened,) = detached.open_batches()
    now = clock.now()
    assert not could_go_on(read_standing(detached), [], now)
    assert not could_go_on(read_standing(detached), ["batch_of_another"], now)
    assert could_go_on(read_standing(detached), [opened.id], now)
    unsent = detached.input_files()[-1]
    note_refusal(unsent, opened.model_copy(update={"id": "batch_without_room"}), now + 60)
    assert not could_go_on(read_standing(detached), [], now)
    assert could_go_on(read_standing(detached), [], now + 61)


def test_a_waiting_job_is_woken_before_its_time_comes(detached: Job) -> None:
    """As early as a run stays awake that suspends: whoever wakes it may be late."""
    now = clock.now()
    finish_by = datetime.fromtimestamp(now + 3 * AWAKE_SECONDS, UTC)
    timed = detached.with_deadline(Deadline(finish_by=finish_by, cancel_lead_minutes=AWAKE_SECONDS / 60))
    assert not could_go_on(read_standing(timed), [], now)
    assert could_go_on(read_standing(timed), [], now + AWAKE_SECONDS + 1)


def test_a_job_goes_on_for_room_that_is_there(detached: Job) -> None:
    """Where its tokens are bounded: neither while others hold them all, nor while its own places are taken."""
    now, bounded = clock.now(), detached.with_terms(Terms(max_enqueued_tokens=1000))
    full = Enqueued(Counter({(file.model, "others"): 1000 for file in bounded.input_files()}))
    assert could_go_on(read_standing(bounded), [], now)
    assert not could_go_on(read_standing(bounded), [], now, lambda: full)
    assert not could_go_on(read_standing(bounded), [], now, in_flight=1)
    (opened,) = bounded.open_batches()
    assert opened.input_file
    note_refusal(opened.input_file, opened, now)
    assert not could_go_on(read_standing(bounded), [], now, lambda: full)
    assert could_go_on(read_standing(bounded), [], now, in_flight=1)


def test_a_job_with_nothing_open_goes_on_when_there_may_be_room(detached: Job) -> None:
    """What was refused for want of room is all that it has."""
    now = clock.now()
    (opened,) = detached.open_batches()
    for number, file in enumerate(detached.input_files()):
        note_refusal(file, opened.model_copy(update={"id": f"batch_{number}"}), now + 60)
    assert detached.open_batches() == []
    assert not could_go_on(read_standing(detached), [], now)
    assert could_go_on(read_standing(detached), [], now + 61)


def test_a_told_limit_binds_the_next_start_too(detached: Job) -> None:
    """Also where the file that was refused waits as it is: it is not refused once more, it waits for room."""
    (opened,) = detached.open_batches()
    unsent = detached.input_files()[-1]
    words = "Limit: 1,000 enqueued tokens"
    refused = {
        "id": "refused",
        "input_file": unsent,
        "errors": ({"code": "token_limit_exceeded", "message": words},),
    }
    note_refusal(unsent, Batch.model_validate({**opened.model_dump(), **refused}), clock.now())
    full = Enqueued(Counter({(unsent.model, "others"): 1000}))
    assert bounds_of(detached, Whereabouts([(unsent, None)], [], [unsent]), clock.now()).of(unsent.model) == 1000
    assert not could_go_on(read_standing(detached), [], clock.now(), lambda: full)
    assert could_go_on(read_standing(detached), [], clock.now())


BROKEN = {"nowhere": "nowhere", "cut off": "Invalid JSON"}


@pytest.mark.parametrize(("how", "why"), BROKEN.items(), ids=BROKEN)
def test_a_job_that_cannot_be_read_keeps_no_other_asleep(
    still_server: BatchServer, reviews: Path, run: Run, tmp_path: Path, how: str, why: str
) -> None:
    """Be it its storage or one of its records: the wake flow looks at the others, and then says what is wrong."""
    jobs = str(tmp_path / "jobs")
    run(reviews, wait="detach", job_key="whole")
    if how == "cut off":
        run(reviews, wait="detach", job_key="broken", destination=str(tmp_path / "others.parquet"))
        (record,) = Path(jobs, "broken").rglob("submitted.json")
        record.write_text("{")
    broken = {"job_key": "broken", "storage": jobs if how == "cut off" else "nowhere://bucket"}
    with get_client(sync_client=True) as client:
        runs = [
            client.create_flow_run(
                openai_batch, parameters={"options": {"wait": "suspend"}, **job}, tags=[TAG], state=Suspended()
            )
            for job in (broken, {"job_key": "whole", "storage": jobs})
        ]
        before = len(still_server.requests())
        try:
            with pytest.raises(ValueError, match=why):
                wake_jobs()
        finally:
            for one in runs:
                client.delete_flow_run(one.id)
    assert len(still_server.requests()) > before
