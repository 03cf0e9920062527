"""What stands in the table in the end: of no rows, of refused rows, and where it had to go elsewhere."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, FileSource, RunOptions, collect_job, resume_job
from prefect_openai_batch.batch.errors import BatchFailed, DestinationError, TableNotWritten
from prefect_openai_batch.emulator import BatchFault, BatchServer

from .conftest import REVIEW, Run

pytestmark = pytest.mark.server

QUICK = RunOptions(poll_seconds=0.1)


def changes(server: BatchServer) -> list[dict[str, Any]]:
    """The calls that were more than looks."""
    return [request for request in server.requests() if request["method"] != "GET"]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("none.csv", "number,review\n", {}),
        ("none.csv", "number,review\n", {"wait": "detach"}),
        ("none.jsonl", "", {"finish_by": "2099-01-01T08:00+00:00", "answer_rest": True, "min_answered": 1.0}),
    ],
    ids=["header alone", "detached", "no line, with a deadline"],
)
def test_a_quiet_day_is_no_error(
    batch_server: BatchServer, tmp_path: Path, run: Run, name: str, content: str, options: dict[str, Any]
) -> None:
    """However it is waited for: the table has the result columns, and nothing is sent."""
    (tmp_path / name).write_text(content)
    report = run(tmp_path / name, **options)
    assert (report.rows, report.complete, report.rounds) == (0, True, 0)
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert len(answers) == 0
    assert {"custom_id", "outcome", "answer"} < set(answers.columns)
    assert changes(batch_server) == []
    assert run(tmp_path / name, **options).complete


def test_a_limit_sends_the_first_rows_alone(batch_server: BatchServer, reviews: Path, run: Run) -> None:
    """The rest is neither read nor paid."""
    report = run(FileSource(path=str(reviews), limit=3))
    assert (report.rows, batch_server.bill()["billed"]) == (3, 3)


@pytest.fixture
def stranded(still_server: BatchServer, reviews: Path, tmp_path: Path, run: Run) -> Run:
    """A job whose answers are all there, and whose table cannot be written any more; the run to start it again."""

    def start() -> Any:
        return run(reviews, destination=str(tmp_path / "there/answers.csv"))

    run(reviews, destination=str(tmp_path / "there/answers.csv"), wait="detach")
    (tmp_path / "there").write_text("a file in the place of the folder")
    still_server.advance(10)
    with pytest.raises(TableNotWritten, match="resume job --to other.parquet --storage "):
        start()
    return start


def test_answers_that_cannot_be_written_are_written_elsewhere(
    still_server: BatchServer, stranded: Run, tmp_path: Path
) -> None:
    """The error says how; nothing is asked or paid again, and the remote files go then."""
    other = tmp_path / "other.parquet"
    report = resume_job("job", storage=str(tmp_path / "jobs"), options=QUICK, destination=str(other))
    assert (report.answered, report.destination) == (30, str(other))
    assert pd.read_parquet(other)["answer"].notna().all()
    assert (still_server.bill()["billed"], len(still_server.state()["batches"])) == (30, 1)
    assert still_server.state()["files"] == []


def test_answers_that_cannot_be_written_are_written_when_that_is_mended(
    still_server: BatchServer, stranded: Run, tmp_path: Path
) -> None:
    """By the same call."""
    (tmp_path / "there").unlink()
    assert stranded().complete
    assert len(pd.read_csv(tmp_path / "there/answers.csv")) == 30
    assert still_server.bill()["billed"] == 30


def test_a_destination_that_cannot_be_is_refused_and_the_job_stays(stranded: Run, tmp_path: Path) -> None:
    """By collecting too; what exists is not replaced."""
    (tmp_path / "mine.csv").write_text("mine")
    for name in ("mine.csv", "there/other.csv", "other.xlsx"):
        for take_up in (resume_job, collect_job):
            with pytest.raises(DestinationError, match=name):
                take_up("job", storage=str(tmp_path / "jobs"), options=QUICK, destination=str(tmp_path / name))
    assert (tmp_path / "mine.csv").read_text() == "mine"
    other = str(tmp_path / "other.csv")
    assert collect_job("job", storage=str(tmp_path / "jobs"), options=QUICK, destination=other).complete


REFUSED = BatchFault(kind="fail_validation", code="mismatched_model", message="Not this model.")


@pytest.mark.parametrize("destination", ["answers.csv", None], ids=["a path", "the job folder"])
def test_where_every_batch_is_refused_each_row_has_its_reason(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run, destination: str | None
) -> None:
    """The run fails and says where the table is; a corrected call may use the key, and replaces that table."""
    batch_server.fail(REFUSED)
    given = {"destination": destination and str(tmp_path / destination)}
    request = ChatRequest(model="{{ model }}", prompt="{{ review }}")
    for _ in range(2):  # the same call, or a retry, tries again
        with pytest.raises(BatchFailed, match="Not this model") as failed:
            run(by_model, request, **given)
    place = failed.value.details["path"]
    assert place in str(failed.value)
    table = pd.read_csv(place) if destination else pd.read_parquet(place)
    assert set(table["error_code"]) == {"mismatched_model"}
    assert (len(table), table["answer"].notna().sum()) == (30, 0)
    assert batch_server.state()["files"] == []
    batch_server.fail()
    assert run(by_model, REVIEW, **given).complete


def test_the_same_call_goes_on_when_nothing_is_refused_any_more(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """The table of refused rows is its own, and no end: on another machine neither."""
    batch_server.fail(REFUSED)
    with pytest.raises(BatchFailed):
        run(by_model, storage=str(tmp_path / "elsewhere"))
    with pytest.raises(BatchFailed):
        run(by_model)
    batch_server.fail()
    assert run(by_model).complete
    assert batch_server.bill()["billed"] == 30


def test_a_table_of_refused_rows_is_no_other_jobs_to_replace(
    batch_server: BatchServer, by_model: Path, reviews: Path, run: Run
) -> None:
    """Under another key it is a table that exists."""
    batch_server.fail(REFUSED)
    with pytest.raises(BatchFailed):
        run(by_model)
    batch_server.fail()
    with pytest.raises(DestinationError, match="exists already"):
        run(by_model, job_key="other")
