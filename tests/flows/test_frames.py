"""A data frame in, the same frame with answers out."""

from pathlib import Path

import pandas as pd
import pytest
from prefect_openai_batch import (
    ChatRequest,
    run_dataframe,
)
from prefect_openai_batch.batch.errors import (
    RequestError,
    SourceError,
)
from prefect_openai_batch.emulator import BatchServer

from .conftest import REVIEW

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
    """Its own columns are as they were, the answers stand beside them."""
    answered = run_dataframe(FRAME, REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    pd.testing.assert_frame_equal(answered[FRAME.columns], FRAME)
    assert answered["answer"].notna().all()
    assert answered["input_tokens"].dtype == "Int64"


def test_the_same_frame_again_is_not_paid_again(batch_server: BatchServer, tmp_path: Path) -> None:
    """A re-run notebook cell continues the same job; a changed frame is another job."""
    run_dataframe(FRAME, REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    run_dataframe(FRAME, REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    assert batch_server.bill()["billed"] == 3
    run_dataframe(FRAME.iloc[::-1], REVIEW, storage=str(tmp_path), poll_seconds=0.2)
    assert batch_server.bill()["billed"] == 6


UNKEEPABLE = [pd.DataFrame({"review": []}), pd.DataFrame({"review": [1, "a"]}), pd.DataFrame([["a"]])]


def test_a_refused_frame_is_not_taken_for_the_next_one(batch_server: BatchServer, tmp_path: Path) -> None:
    """The same key with another frame answers that frame."""
    with pytest.raises(RequestError):
        run_dataframe(FRAME, ChatRequest(model="gpt-5", prompt="{{ absent }}"), job_key="k", storage=str(tmp_path))
    other = pd.DataFrame({"review": ["one", "two"]})
    answered = run_dataframe(other, REVIEW, job_key="k", storage=str(tmp_path), poll_seconds=0.2)
    assert answered["review"].tolist() == ["one", "two"]


@pytest.mark.parametrize("frame", UNKEEPABLE, ids=["no rows", "mixed values", "a number for a name"])
def test_a_frame_that_cannot_be_kept_is_refused(
    batch_server: BatchServer, tmp_path: Path, frame: pd.DataFrame
) -> None:
    """Nothing is sent."""
    with pytest.raises(SourceError):
        run_dataframe(frame, REVIEW, storage=str(tmp_path))
    assert [request for request in batch_server.requests() if request["method"] == "POST"] == []
