"""Killed while it cleaned up, a job is started again where its folder is not: its own table is the end of it."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, RunOptions, recover_job, run_dataframe
from prefect_openai_batch.batch.errors import DestinationError
from prefect_openai_batch.emulator import BatchServer, LineFault, RouteFault

from .conftest import Run

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

BY_MODEL = ChatRequest(model="{{ model }}", prompt="{{ review }}")
QUICK = RunOptions(poll_seconds=0.1)
AGAIN = LineFault(kind="error", status=429, pattern="Review (1|2|12):", times=1)


def dies_at_deletion(number: int) -> RouteFault:
    return RouteFault(kind="http_error", route="DELETE *", status=401, calls=(number,))


@pytest.mark.parametrize(("name", "if_exists"), [("answers.csv", "refuse"), ("answers.parquet", "replace")])
def test_the_clean_up_is_finished(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run, name: str, if_exists: str
) -> None:
    """With two rounds and without leave to replace: done, complete, nothing left, paid or written again."""
    batch_server.fail(AGAIN, dies_at_deletion(6))
    with pytest.raises(Exception, match="401"):
        run(by_model, BY_MODEL, destination=str(tmp_path / name))
    written = (tmp_path / name).stat().st_mtime_ns
    shutil.rmtree(tmp_path / "jobs")
    report = run(by_model, BY_MODEL, destination=str(tmp_path / name), if_exists=if_exists)
    assert (report.answered, report.rounds, len(report.batches)) == (30, 2, 6)
    assert (tmp_path / name).stat().st_mtime_ns == written
    assert (batch_server.bill()["billed"], batch_server.state()["files"]) == (30, [])
    assert run(by_model, BY_MODEL, destination=str(tmp_path / name)) == report


def test_anothers_table_is_refused_and_leaves_no_folder(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """The same rows and custom_ids under another key: nothing is sent."""
    answers = str(tmp_path / "answers.csv")
    run(by_model, BY_MODEL, destination=answers)
    with pytest.raises(DestinationError, match="exists already"):
        run(by_model, BY_MODEL, destination=answers, job_key="other")
    assert not (tmp_path / "jobs" / "other").exists()
    assert batch_server.bill()["billed"] == 30


def test_a_frame_comes_back_from_its_table(batch_server: BatchServer, tmp_path: Path) -> None:
    """On another machine, with its answers."""
    frame = pd.DataFrame({"review": ["good", "bad"]}, index=["x", "y"])
    request, answers = ChatRequest(model="gpt-5-mini", prompt="{{ review }}"), tmp_path / "answers.parquet"
    batch_server.fail(dies_at_deletion(2))
    with pytest.raises(Exception, match="401"):
        run_dataframe(frame, request, destination=answers, storage=str(tmp_path / "here"), options=QUICK)
    answered = run_dataframe(frame, request, destination=answers, storage=str(tmp_path / "there"), options=QUICK)
    pd.testing.assert_frame_equal(answered[["review"]], frame)
    assert answered["answer"].notna().all()
    assert (batch_server.bill()["billed"], batch_server.state()["files"]) == (2, [])


def test_a_recovery_that_was_killed_is_finished(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Its table is known too; another one is refused."""
    batch_server.fail(RouteFault(kind="http_error", route="DELETE *", status=401))
    with pytest.raises(Exception, match="401"):
        run(by_model, BY_MODEL)
    shutil.rmtree(tmp_path / "jobs")
    batch_server.fail(dies_at_deletion(4))
    with pytest.raises(Exception, match="401"):
        recover_job("job", str(tmp_path / "recovered.csv"), options=QUICK)
    (tmp_path / "mine.csv").write_text("custom_id,note\nrow-1,mine\n")
    with pytest.raises(DestinationError, match="exists already"):
        recover_job("job", str(tmp_path / "mine.csv"), options=QUICK)
    assert recover_job("job", str(tmp_path / "recovered.csv"), options=QUICK) == 30
    assert batch_server.state()["files"] == []
