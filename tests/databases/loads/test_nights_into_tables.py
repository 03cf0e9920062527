"""New rows of night after night in one table: a night without a mark, and what would take earlier rows away."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import (
    ChatRequest,
    DestinationError,
    FileSource,
    RunOptions,
    Watermark,
    open_job,
    openai_batch,
    resume_job,
)
from prefect_openai_batch.batch.answer_store.kept_marks import KeptMarks
from prefect_openai_batch.batch.jobs.job import RESULTS, load_job
from prefect_openai_batch.batch.jobs.only_new.appending import appended_in_turn
from prefect_openai_batch.batch.jobs.only_new.window import WINDOW, Window
from prefect_openai_batch.batch.jobs.report import CLEANED, Cleaned
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.batch.watermarks.mark import KeptMark, Mark
from prefect_openai_batch.batch.watermarks.reading import Counts
from prefect_openai_batch.blocks.databases import open_store
from prefect_openai_batch.cli.command_keys import content_of, next_key
from prefect_openai_batch.emulator import BatchServer, LineFault
from prefect_openai_batch.flows.destination import refuse_if_exists

from .results_tables import labels, rows_of

REVIEW = ChatRequest(model="gpt-5-mini", prompt="Good? {{ review }}")


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    """A file of which every value is above the mark, so that rows are known by what they hold."""
    path = tmp_path / "reviews.parquet"
    grow(path, 10)
    return FileSource(path=str(path), watermark=Watermark(column="id"))


def grow(path: Path, rows: int) -> None:
    pd.DataFrame([{"id": number, "review": f"Review {number}"} for number in range(rows)]).to_parquet(path)


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_a_night_without_a_mark_is_appended_once_it_leaves_one(
    batch_server: BatchServer, source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its results wait in its folder, and no row comes twice."""
    url = f"sqlite:///{tmp_path / 'warehouse.sqlite'}"
    monkeypatch.setenv("WAREHOUSE", url)
    wishes = {"answers": str(tmp_path / "answers.db"), "poll_seconds": 0.1, "max_rounds": 1}
    options, storage, into = (
        RunOptions(**wishes, min_answered=1.0),
        str(tmp_path / "jobs"),
        labels(if_exists="append"),
    )

    def night(key: str) -> Any:
        return openai_batch(source, REVIEW, into, job_key=key, storage=storage, options=options, return_state=True)

    batch_server.fail(LineFault(kind="error", pattern="Review 7", times=1))
    failed = night("monday")
    assert failed.is_failed()
    assert f"results stay in {storage}/monday/results.parquet." in str(failed.message)
    assert rows_of(url, "SELECT count(*) FROM sqlite_master WHERE name = 'labels'") == [(0,)]
    assert resume_job("monday", storage=storage, options=RunOptions(**wishes)).not_loaded == ""
    grow(tmp_path / "reviews.parquet", 11)
    assert night("tuesday").is_completed()
    assert rows_of(url, "SELECT id FROM labels ORDER BY id") == [(number,) for number in range(11)]


@pytest.mark.server
@pytest.mark.usefixtures("batch_server", "prefect_server")
def test_of_two_nights_from_one_mark_that_end_at_once_one_appends(
    source: FileSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other looks at the mark when that one has moved it: its load may have waited for the table."""
    url, store = f"sqlite:///{tmp_path / 'warehouse.sqlite'}", str(tmp_path / "answers.db")
    monkeypatch.setenv("WAREHOUSE", url)
    night = Folder(str(tmp_path / "jobs" / "monday"))

    def append_the_same() -> None:
        while (window := night.read(WINDOW, Window)) is None:
            time.sleep(0.02)
        other = load_job(night.url)
        with appended_in_turn(other) as waits, open_store(store) as opened:
            while not night.exists(RESULTS):
                time.sleep(0.1)
            time.sleep(1)
            assert waits
            assert window.after is not None
            moved = KeptMark(window.after.model_copy(update={"job_key": "other"}), b"")
            assert KeptMarks(opened).move(window.key, moved, name="reviews", column="id")

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(append_the_same)
        report = openai_batch(
            source,
            REVIEW,
            labels(if_exists="append"),
            job_key="monday",
            storage=str(tmp_path / "jobs"),
            options=RunOptions(answers=store, poll_seconds=0.1),
        )
        other.result(timeout=60)
    assert "Nothing was appended" in report.not_loaded
    assert rows_of(url, "SELECT count(*) FROM sqlite_master WHERE name = 'labels'") == [(0,)]


def test_new_rows_alone_never_replace_a_table(source: FileSource, tmp_path: Path) -> None:
    """Those of the nights before would be gone; nothing of the job is written."""
    into = labels(if_exists="replace")
    with pytest.raises(DestinationError, match=r"`append`, or `upsert`"):
        open_job(source, REVIEW, into, job_key="job", storage=str(tmp_path / "jobs"))
    assert not (tmp_path / "jobs").exists()


def test_new_rows_alone_never_replace_a_file(source: FileSource) -> None:
    """Nor a folder: by the second night the first one's rows would be gone; each may have a file of its own."""
    for destination in ("night.parquet", "nights/"):
        with pytest.raises(DestinationError, match="a file of its own"):
            refuse_if_exists(source, destination, "replace")
        refuse_if_exists(source, destination, "refuse")
        refuse_if_exists(source.model_copy(update={"watermark": None}), destination, "replace")


def test_a_command_goes_on_with_its_job_that_was_cut_off_behind_its_mark(
    source: FileSource, tmp_path: Path
) -> None:
    """A new one would find no new rows, and this one's table in its way; one that has ended goes on no more."""
    storage, to = str(tmp_path / "jobs"), str(tmp_path / "night.parquet")
    job = open_job(source, REVIEW, to, job_key="run-1", storage=storage)
    mark = Mark(kind="integer", value=None, floor=None, read_at=datetime.now(UTC), job_key=job.key)
    window = Window(key="key", column="id", full=False, before=None, counts=Counts(new=10), after=mark)
    job.files.write(WINDOW, window)

    def key(to: str = to, *, full: bool = False) -> str:
        return next_key(None, mark, source, REVIEW, to, None, storage, full=full)

    assert key() == "run-1"
    assert "run-1" not in {key(str(tmp_path / "another.parquet")), key(full=True)}
    job.files.write(CLEANED, Cleaned(file_ids=()))
    assert key() != "run-1"


def test_a_command_begins_another_job_after_one_that_has_ended_without_a_mark(
    source: FileSource, tmp_path: Path
) -> None:
    """What it is told by is the same then; of a table without a watermark the job stays the same."""

    def key(table: FileSource = source) -> str:
        return next_key(None, None, table, REVIEW, labels(), None, str(tmp_path))

    seen = []
    for _ in range(3):
        seen.append(key())
        assert key() == seen[-1]
        (tmp_path / seen[-1]).mkdir()
        Folder(str(tmp_path / seen[-1])).write(CLEANED, Cleaned(file_ids=()))
    assert len(set(seen)) == 3
    whole = source.model_copy(update={"watermark": None})
    (tmp_path / key(whole)).mkdir()
    before = key(whole)
    Folder(str(tmp_path / before)).write(CLEANED, Cleaned(file_ids=()))
    assert key(whole) == before


def test_a_file_that_grows_under_way_stays_the_job_of_its_command(source: FileSource) -> None:
    """With a watermark only: without one, another content is another job."""
    tables = [source, source.model_copy(update={"watermark": None})]
    before = [content_of(table) for table in tables]
    grow(Path(source.path), 11)
    assert [content_of(table) == then for table, then in zip(tables, before, strict=True)] == [True, False]
