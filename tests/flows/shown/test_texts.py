"""What is told of a job, made of what is known of it: names, progress, keys."""

import logging
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import coolname
import pytest
from prefect import flow
from prefect_openai_batch import ChatRequest, FileSource
from prefect_openai_batch.batch.errors import BatchNotFinished, SourceError
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.pieces import in_words as file_in_words
from prefect_openai_batch.batch.progress import Progress
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.flows.shown.assets import asset_of
from prefect_openai_batch.flows.shown.batch_log import BATCH, batch_log_told
from prefect_openai_batch.flows.shown.progress_artifact import cancelled, expected_end, so_far_of
from prefect_openai_batch.flows.shown.run_names import described, is_made_up
from prefect_openai_batch.flows.shown.so_far import SoFar
from prefect_openai_batch.tasks.shown.log_lines import FLOW_RUNS, TASK_RUNS

from ...batch.reports.jobs import ANSWERED, done_job

BEGUN = datetime(2026, 11, 26, tzinfo=UTC)
REVIEW = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
EACH = ChatRequest(model="{{ model }}", prompt="{{ review }}")


@pytest.mark.parametrize(
    ("does", "parameters", "name"),
    [
        ("", {"source": "/data/reviews.csv", "request": REVIEW}, "reviews.csv · gpt-5-mini"),
        ("", {"source": FileSource(path="https://me:pw@lake/a.csv?sig=x"), "request": EACH}, "a.csv"),
        ("", {"source": "{scheduled:%Y-%m-%d}.csv", "request": "label.yaml"}, "2026-11-26.csv"),
        ("trial", {"source": "a.csv", "request": EACH, "models": ["x", "y"]}, "trial · a.csv · x + y"),
        ("", {"table": "/data/a.csv", "model": "gpt-5-mini", "question": "?"}, "a.csv · gpt-5-mini"),
        ("resume", {"job_key": "nightly-{scheduled:%Y}"}, "resume · nightly-2026"),
        ("wake", {}, "wake"),
        ("", {}, "openai-batch"),
    ],
    ids=["a file", "a signed URL", "a schedule", "a trial", "the form", "a job", "no job", "nothing"],
)
def test_a_run_is_called_by_what_it_is_for(does: str, parameters: dict[str, Any], name: str) -> None:
    """Table and model, or the job; without what opens the table's place."""
    assert described(does, parameters, BEGUN) == name


def test_names_that_prefect_makes_up_are_told_from_given_ones() -> None:
    """Its server takes them from a library's words; its UIs' forms have lists of their own."""
    assert all(is_made_up(coolname.generate_slug(2)) for _ in range(100))
    assert all(map(is_made_up, ("nu84-zayra", "theta840-gondor-v", "Licensed-Elk", "Tasty-Guppy")))
    given = (
        "nightly-reviews",
        "reviews.csv · gpt-5-mini",
        "Nightly",
        "mine",
        "Reviews-March",
        "Small-Kettles",
        "march2026-reviews",
    )
    assert not any(map(is_made_up, given))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("00002-0", "round 2 · file 3"),
        ("00000-1", "round 2 · file 1.2"),
        ("00000-0-rest-0", "round 2 · file 1, the rest"),
        ("00000-0-cut3-1", "round 2 · file 1, piece 2 of 3"),
        ("00000-0-cut3-1-rest-0", "round 2 · file 1, piece 2 of 3, the rest"),
    ],
    ids=["the third", "of two", "a rest", "a piece", "the rest of a piece"],
)
def test_an_input_file_is_named_as_a_person_counts(name: str, words: str) -> None:
    """From one, with what it is a piece of."""
    told: dict[str, Any] = {"items": 1, "bytes": 1, "sha256": "", "first_row": 0, "last_row": 0}
    file = InputFile(
        folder="/f",
        job_key="job",
        round=2,
        name=name,
        endpoint=Endpoint.CHAT_COMPLETIONS,
        model="gpt-5-mini",
        **told,
    )
    assert file_in_words(file) == words


def test_items_are_counted_over_rounds_and_once() -> None:
    """What is fetched is no longer waited for; a later round has only the rows that go again."""
    so_far = SoFar(rows=100)
    so_far.hear(Progress("fetch", total=100, done=0))
    assert so_far.hear(Progress("wait", done=60, text="60 of 100 items done (1 completed, 1 in_progress)"))
    assert str(so_far) == "60 of 100 items done (60 %); batches: 1 completed, 1 in progress"
    so_far.hear(Progress("fetch", advance=50))
    assert so_far.done == 60
    so_far.hear(Progress("fetch", total=4, done=0))
    so_far.hear(Progress("wait", done=3, text="3 of 4 items done (1 in_progress)"))
    assert (so_far.done, so_far.total) == (99, 100)


def test_the_end_is_foretold_once_there_is_something_to_tell_it_by() -> None:
    """By the pace so far."""
    assert expected_end(1000, 1060, 0.01) is None
    assert expected_end(1000, 1060, 0.5) == 1120


def test_a_cancelled_job_shows_how_far_it_came(tmp_path: Path) -> None:
    """Whatever the last look at its batches had shown."""
    job, _ = done_job(tmp_path, [ANSWERED], 4)
    batch = Batch.model_validate(
        {"id": "b", "status": "cancelling", "request_counts": {"total": 4, "completed": 3}}
    )
    shown = cancelled(job, so_far_of(job, [batch])).splitlines()
    assert shown[2] == "- Cancelled: nothing more is sent; what is finished is collected"
    assert shown[4] == "- Batches: 1 cancelling"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("/data/answers.csv", "file:///data/answers.csv"),
        ("s3://lake/answers.parquet", "s3://lake/answers.parquet"),
        ("https://me:secret@lake/answers.csv", "https://lake/answers.csv"),
        ("/data/my answers.csv", None),
        ("https://lake/answers.csv?sig=secret", None),
        ("zip://a.csv::/data/a.zip", None),
    ],
    ids=["a path", "a bucket", "a password", "a space", "a signature", "a chain"],
)
def test_a_place_is_an_asset_where_its_url_can_name_one(url: str, key: str | None) -> None:
    """Never with what opens it."""
    asset = asset_of(url)
    assert (asset.key if asset else None) == key


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_what_the_batch_waits_for_stands_in_the_runs_log(caplog: pytest.LogCaptureFixture) -> None:
    """In that of the run which waits, and of no other in the process."""

    @flow
    def waiting(*, told: bool) -> None:
        with batch_log_told() if told else nullcontext():
            logging.getLogger(f"{BATCH}.tables").warning("a table is locked")
            Thread(target=logging.getLogger(BATCH).warning, args=["another's is locked"]).start()

    waiting(told=True)
    waiting(told=False)
    in_runs = [record.getMessage() for record in caplog.records if record.name == FLOW_RUNS]
    assert [message for message in in_runs if "locked" in message] == ["a table is locked"]


@pytest.mark.parametrize(
    ("flow", "said"),
    [
        (
            "theirs",
            ["Waiting: 3 of 9 items done (1 in_progress); next look in 2.0 s", "Finished in state Completed()"],
        ),
        ("openai-batch", []),
    ],
    ids=["another flow", "ours"],
)
def test_a_look_that_finds_nothing_reads_as_waiting(flow: str, said: list[str]) -> None:
    """In anybody's flow; ours tells its own story, in which failures stay as they are."""
    kept: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: kept.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(TASK_RUNS)
    logger.addHandler(handler)
    try:
        extra = {"flow_name": flow, "flow_run_id": None, "task_run_name": "wait", "send_to_api": False}
        look = (
            "exception",
            BatchNotFinished("3 of 9 items done (1 in_progress)"),
            1,
            50,
            "2.0 second(s) from now",
        )
        logger.info("Task run failed with %s: %r - Retry %s/%s will start %s", *look, extra=extra)
        logger.info("Finished in state Completed()", extra=extra)
        logger.error("Finished in state Failed('no')", extra=extra)
    finally:
        logger.removeHandler(handler)
    assert kept == [*said, "Finished in state Failed('no')"]


@pytest.mark.parametrize(
    ("flow", "error", "said"),
    [
        ("openai-batch", SourceError("no such table"), []),
        ("openai-batch-recover", SourceError("no such table"), ["it failed", "it failed"]),
        (
            "openai-batch",
            ValueError("no fault of the table"),
            ["it failed", "Traceback", "it failed", "Traceback"],
        ),
        ("<unknown>", SourceError("no such table"), []),
        ("theirs", SourceError("no such table"), ["it failed", "Traceback", "it failed", "Traceback"]),
    ],
    ids=["ours", "ours without a story", "another error", "once more", "another flow"],
)
def test_an_error_that_says_what_is_wrong_is_logged_without_where_it_was_raised(
    flow: str, error: Exception, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """In our flows; whatever else goes wrong, and in whose flow, is logged as Prefect does."""
    for name in (TASK_RUNS, FLOW_RUNS):
        try:
            raise error
        except Exception:
            extra = {"flow_name": flow, "flow_run_id": None, "task_run_name": "read", "send_to_api": False}
            logging.getLogger(name).exception("it failed", extra=extra)
    words = [word for line in caplog.text.splitlines() for word in ("it failed", "Traceback") if word in line]
    assert words == said
