"""Rows and answers of finished jobs go when their days are over; nothing is paid again, and nothing else goes."""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from prefect_openai_batch import (
    JobKeyError,
    JobReport,
    RunOptions,
    SourceError,
    SqlDestination,
    report_of,
    resume_job,
    run_dataframe,
)
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.forgetting.kept_days import RECORDS, empty_folders
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchServer, LineFault

from ..conftest import REVIEW, Run

pytestmark = pytest.mark.server

DAY = 86_400

Finish = Callable[..., JobReport]


@pytest.fixture
def finish(run: Run, reviews: Path, tmp_path: Path, batch_server: BatchServer) -> Finish:
    """A job that is run to its end, with a table of its own beside the storage."""

    def run_job(key: str, **options: object) -> JobReport:
        return run(reviews, **{"job_key": key, "destination": str(tmp_path / f"{key}.csv"), **options})

    return run_job


def days_pass(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    monkeypatch.setattr(clock, "now", lambda: time.time() + days * DAY)


def test_a_later_run_removes_them_and_the_job_stays_done(
    finish: Finish,
    tmp_path: Path,
    batch_server: BatchServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One log line says whose; the same run again, and `resume`, say that it is done, and nothing is paid."""
    first, _ = finish("first"), finish("second")
    paid, storage = batch_server.bill()["usd"], Folder(str(tmp_path / "jobs"))
    days_pass(monkeypatch, 6.9)
    finish("second")
    assert len(storage.names()) == 2
    assert "rows" in (storage / "first").names()
    days_pass(monkeypatch, 7.1)
    with caplog.at_level(logging.INFO):
        finish("second")
    assert set((storage / "first").names()) <= RECORDS
    assert "rows" in (storage / "second").names(), "whose run is at work"
    told = [line for line in caplog.messages if "days are over" in line]
    assert told == ["Rows and answers whose days are over are removed from job folders: first"]
    for report in (finish("first"), resume_job("first", storage=storage.url)):
        assert (report.rows, report.answered, report.complete) == (first.rows, first.answered, True)
    assert batch_server.bill()["usd"] == paid
    assert set((storage / "first").names()) <= RECORDS


def test_days_without_end_keep_no_other_jobs_rows(
    finish: Finish, tmp_path: Path, batch_server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number beyond the calendar is for good, and no fault."""
    finish("first")
    days_pass(monkeypatch, 8)
    finish("second", keep_days=10_000_000)
    assert set(Folder(str(tmp_path / "jobs" / "first")).names()) <= RECORDS
    assert "rows" in Folder(str(tmp_path / "jobs" / "second")).names()


def test_without_its_table_such_a_job_is_refused_by_name(
    finish: Finish, tmp_path: Path, batch_server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answers are nowhere any more: they are not paid again by mistake, and no row comes back."""
    finish("first")
    days_pass(monkeypatch, 8)
    storage = Folder(str(tmp_path / "jobs"))
    assert empty_folders(storage) == ["first"]
    (tmp_path / "first.csv").unlink()
    items = len(batch_server.billed_items())
    with pytest.raises(JobKeyError, match="Choose another job key to pay"):
        finish("first")
    assert set((storage / "first").names()) <= RECORDS
    assert len(batch_server.billed_items()) == items


def test_a_frame_comes_back_from_its_table(
    tmp_path: Path, prefect_server: str, batch_server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run_dataframe` gives the same frame before and after."""
    frame = pd.DataFrame({"review": ["I like it.", "I do not."]}, index=["a", "b"])
    storage, table = str(tmp_path / "jobs"), tmp_path / "answers.parquet"
    quick = RunOptions(poll_seconds=0.1)
    before = run_dataframe(frame, REVIEW, destination=table, storage=storage, options=quick)
    days_pass(monkeypatch, 8)
    assert len(empty_folders(Folder(storage))) == 1
    with pytest.raises(SourceError, match="no report can be made"):
        report_of(before)
    after = run_dataframe(frame, REVIEW, destination=table, storage=storage, options=quick)
    pd.testing.assert_frame_equal(before, after)


def test_a_table_of_a_database_is_elsewhere_too(
    finish: Finish, tmp_path: Path, batch_server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is loaded; the job is done afterwards, and loads and pays nothing."""
    monkeypatch.setenv("WAREHOUSE", f"sqlite:///{tmp_path / 'warehouse.db'}")
    labels = SqlDestination(database="WAREHOUSE", table="labels")
    finish("loaded", destination=labels)
    items = len(batch_server.billed_items())
    days_pass(monkeypatch, 8)
    storage = Folder(str(tmp_path / "jobs"))
    assert empty_folders(storage) == ["loaded"]
    assert "results.parquet" not in (storage / "loaded").names()
    assert finish("loaded", destination=labels).complete
    assert len(batch_server.billed_items()) == items


def test_what_may_be_needed_is_never_touched(
    finish: Finish,
    tmp_path: Path,
    prefect_server: str,
    batch_server: BatchServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Results in the folder alone, rows without an answer, a table that is gone, a wish, what is no job's."""
    storage = Folder(str(tmp_path / "jobs"))
    finish("own", destination=None)
    finish("kept", keep_days=None)
    finish("longer", keep_days=30)
    finish("table-gone")
    finish("broken")
    finish("strange")
    batch_server.fail(LineFault(kind="error", status=400, pattern="Review 3"))
    assert finish("partial").answered == 29
    (tmp_path / "table-gone.csv").unlink()
    (tmp_path / "jobs" / "broken" / "job.json").write_text("{")
    shutil.rmtree(tmp_path / "jobs" / "strange")
    (tmp_path / "jobs" / "strange").mkdir()
    (tmp_path / "jobs" / "strange" / "holiday.jpg").touch()
    before = {name: (storage / name).names() for name in storage.names()}
    days_pass(monkeypatch, 8)
    assert empty_folders(storage) == []
    assert {name: (storage / name).names() for name in storage.names()} == before
    days_pass(monkeypatch, 31)
    assert empty_folders(storage) == ["longer"]


def test_a_removal_that_was_cut_off_goes_on(
    finish: Finish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was removed already: the records that say that the job is done are there at every moment."""
    finish("first")
    storage = Folder(str(tmp_path / "jobs"))
    load_job((storage / "first").url).known_by_its_table()
    (storage / "first").remove("rounds")
    days_pass(monkeypatch, 8)
    assert finish("first").complete
    assert empty_folders(storage) == ["first"]
    assert set((storage / "first").names()) <= RECORDS
    assert empty_folders(storage) == [], "and it is looked at no more"


def test_that_it_cannot_be_done_fails_no_job(finish: Finish, tmp_path: Path) -> None:
    """The storage cannot hold when folders leave: the job is done all the same."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / ".leaving").touch()
    assert finish("first").complete
