"""A data frame in, the same frame with answers out."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, RunOptions, report_of, run_dataframe
from prefect_openai_batch.batch.errors import DeadlineError, RequestError, SourceError, WaitError
from prefect_openai_batch.emulator import BatchServer

from ..conftest import REVIEW

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

FRAME = pd.DataFrame(
    {
        "review": ["good", "bad", None],
        "stars": pd.array([5, 1, None], dtype="Int64"),
        "shop": pd.Categorical(["a", "b", "a"]),
        "at": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]),
    },
    index=pd.Index(["x", "y", "z"], name="key"),
)


def test_a_frame_comes_back_with_its_index_and_dtypes(batch_server: BatchServer, tmp_path: Path) -> None:
    """Its own columns are as they were, the answers stand beside them; what came of it is had as a page."""
    answered = run_dataframe(FRAME, REVIEW, storage=str(tmp_path), options=RunOptions(poll_seconds=0.2))
    pd.testing.assert_frame_equal(answered[FRAME.columns], FRAME)
    assert answered["answer"].notna().all()
    assert answered["input_tokens"].dtype == "Int64"
    assert "3 of 3 rows" in report_of(answered)._repr_html_()


def test_a_frame_that_nobody_answered_has_no_report() -> None:
    """The error says how else a job is named."""
    with pytest.raises(SourceError, match="name the job by its key"):
        report_of(FRAME)


def test_the_same_frame_again_is_not_paid_again(batch_server: BatchServer, tmp_path: Path) -> None:
    """A re-run notebook cell continues the same job; a changed frame is another job."""
    run_dataframe(FRAME, REVIEW, storage=str(tmp_path), options=RunOptions(poll_seconds=0.2))
    run_dataframe(FRAME, REVIEW, storage=str(tmp_path), options=RunOptions(poll_seconds=0.2))
    assert batch_server.bill()["billed"] == 3
    run_dataframe(FRAME.iloc[::-1], REVIEW, storage=str(tmp_path), options=RunOptions(poll_seconds=0.2))
    assert batch_server.bill()["billed"] == 6


UNKEEPABLE = [pd.DataFrame({"review": [1, "a"]}), pd.DataFrame([["a"]])]


def test_a_refused_frame_is_not_taken_for_the_next_one(batch_server: BatchServer, tmp_path: Path) -> None:
    """The same key with another frame answers that frame."""
    with pytest.raises(RequestError):
        run_dataframe(FRAME, ChatRequest(model="gpt-5", prompt="{{ absent }}"), job_key="k", storage=str(tmp_path))
    other = pd.DataFrame({"review": ["one", "two"]})
    answered = run_dataframe(
        other, REVIEW, job_key="k", storage=str(tmp_path), options=RunOptions(poll_seconds=0.2)
    )
    assert answered["review"].tolist() == ["one", "two"]


@pytest.mark.parametrize("frame", UNKEEPABLE, ids=["mixed values", "a number for a name"])
def test_a_frame_that_cannot_be_kept_is_refused(
    batch_server: BatchServer, tmp_path: Path, frame: pd.DataFrame
) -> None:
    """Nothing is sent."""
    with pytest.raises(SourceError):
        run_dataframe(frame, REVIEW, storage=str(tmp_path))
    assert [request for request in batch_server.requests() if request["method"] == "POST"] == []


def test_a_frame_of_no_rows_is_answered(batch_server: BatchServer, tmp_path: Path) -> None:
    """A quiet day is no error: the result columns are there, and nothing is sent."""
    answered = run_dataframe(FRAME[:0], REVIEW, storage=str(tmp_path))
    pd.testing.assert_frame_equal(answered[FRAME.columns], FRAME[:0])
    assert "answer" in answered
    assert [request for request in batch_server.requests() if request["method"] != "GET"] == []


def test_a_frame_s_answers_are_not_read_from_its_table(batch_server: BatchServer, tmp_path: Path) -> None:
    """Whatever a person has made of that since, each answer stands beside its own row; CSV is as good."""
    to = tmp_path / "answers.csv"
    given: dict[str, Any] = {"destination": to, "storage": str(tmp_path), "options": RunOptions(poll_seconds=0.1)}
    first = run_dataframe(FRAME, REVIEW, **given)
    to.write_text("mine\n")
    pd.testing.assert_frame_equal(run_dataframe(FRAME, REVIEW, **given), first)


def test_a_frame_cannot_be_detached(batch_server: BatchServer, tmp_path: Path) -> None:
    """The error says what can be, and nothing was sent or written."""
    with pytest.raises(WaitError, match="A frame is waited for"):
        run_dataframe(FRAME, REVIEW, storage=str(tmp_path / "jobs"), options=RunOptions(wait="detach"))
    assert batch_server.requests() == []
    assert not (tmp_path / "jobs").exists()


def test_a_frame_takes_no_parameters_of_flows(batch_server: BatchServer) -> None:
    """Python refuses what it does not take, before anything is sent."""
    unknown: dict[str, Any] = {"return_state": True}
    with pytest.raises(TypeError, match="return_state"):
        run_dataframe(FRAME, REVIEW, **unknown)
    assert batch_server.requests() == []


def test_a_frame_s_destination_may_be_a_path(batch_server: BatchServer, tmp_path: Path) -> None:
    """As pandas takes one."""
    to = tmp_path / "answers.parquet"
    quick = RunOptions(poll_seconds=0.1)
    answered = run_dataframe(FRAME, REVIEW, destination=to, storage=str(tmp_path / "jobs"), options=quick)
    assert answered["answer"].notna().all()
    assert to.exists()


@pytest.mark.parametrize("text", ["no time", "2020-01-01"])
def test_a_time_that_cannot_be_leaves_no_folder(batch_server: BatchServer, tmp_path: Path, text: str) -> None:
    """It is refused before the frame is written."""
    with pytest.raises(DeadlineError):
        run_dataframe(FRAME, REVIEW, storage=str(tmp_path / "jobs"), options=RunOptions(finish_by=text))
    assert not (tmp_path / "jobs").exists()
