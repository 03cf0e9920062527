"""A frame is waited for: what cannot be is refused before anything is paid."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import RunOptions, run_dataframe
from prefect_openai_batch.batch.errors import WaitError
from prefect_openai_batch.emulator import BatchServer

from .conftest import REVIEW

pytestmark = pytest.mark.server

FRAME = pd.DataFrame({"review": ["one", "two"]})


def test_a_frame_cannot_be_detached(batch_server: BatchServer, prefect_server: str, tmp_path: Path) -> None:
    """The error says what can be, and nothing was sent or written."""
    with pytest.raises(WaitError, match="A frame is waited for"):
        run_dataframe(FRAME, REVIEW, storage=str(tmp_path / "jobs"), options=RunOptions(wait="detach"))
    assert batch_server.requests() == []
    assert not (tmp_path / "jobs").exists()


def test_a_frame_takes_no_parameters_of_flows(batch_server: BatchServer, prefect_server: str) -> None:
    """Python refuses what it does not take, before anything is sent."""
    unknown: dict[str, Any] = {"return_state": True}
    with pytest.raises(TypeError, match="return_state"):
        run_dataframe(FRAME, REVIEW, **unknown)
    assert batch_server.requests() == []


def test_a_frame_s_destination_may_be_a_path(
    batch_server: BatchServer, prefect_server: str, tmp_path: Path
) -> None:
    """As pandas takes one."""
    to = tmp_path / "answers.parquet"
    quick = RunOptions(poll_seconds=0.1)
    answered = run_dataframe(FRAME, REVIEW, destination=to, storage=str(tmp_path / "jobs"), options=quick)
    assert answered["answer"].notna().all()
    assert to.exists()
