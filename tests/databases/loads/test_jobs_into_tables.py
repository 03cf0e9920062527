"""Whole jobs whose results go into a database: the flow, its records, and a table that is in the way."""

import runpy
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect.assets import Asset
from prefect_openai_batch import (
    BatchFailed,
    ChatRequest,
    DestinationError,
    Job,
    JobKeyError,
    JobReport,
    RunOptions,
    SqlDestination,
    TableNotWritten,
    check_table,
    load_results,
    open_job,
    openai_batch,
    read_source,
    resume_job,
    run_dataframe,
    write_results,
)
from prefect_openai_batch.batch.jobs.destinations.moved import keep_destination
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.emulator import BatchServer, LineFault
from prefect_openai_batch.flows.destination import refuse_if_exists
from prefect_openai_batch.flows.shown.assets import asset_of_table

from ...conftest import ROOT, wait_until
from .results_tables import ANSWERED, execute, labels, rows_of

QUICK = RunOptions(poll_seconds=0.1)
REVIEW = ChatRequest(model="gpt-5-mini", prompt="Good? {{ review }}")


@pytest.fixture
def reviews(tmp_path: Path) -> str:
    path = tmp_path / "reviews.csv"
    pd.DataFrame([{"id": f"{number:03}", "review": f"Review {number}"} for number in range(30)]).to_csv(
        path, index=False
    )
    return str(path)


@pytest.fixture
def warehouse(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WAREHOUSE", database)
    return database


@pytest.fixture
def sqlite_warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where it is all one which database it is."""
    url = f"sqlite:///{tmp_path / 'warehouse.sqlite'}"
    monkeypatch.setenv("WAREHOUSE", url)
    return url


def run(source: str, into: SqlDestination, tmp_path: Path, request: Any = REVIEW, **given: Any) -> JobReport:
    chosen = {"job_key": "job", "storage": str(tmp_path / "jobs"), "options": QUICK, **given}
    report: JobReport = openai_batch(source, request, into, **chosen)
    return report


def by_hand(source: str, into: SqlDestination, tmp_path: Path) -> Job:
    """A job of which nothing was sent, but whose results are written: each row is missing."""
    job = open_job(source, REVIEW, into, job_key="job", storage=str(tmp_path / "jobs"))
    read_source.fn(job)
    check_table.fn(job)
    write_results.fn(job)
    return job


def assets_before(api: str, asset: Asset | None) -> list[str]:
    """What an asset was made of, as Prefect's server was told when it was made."""
    assert asset is not None
    wanted = {"event": {"name": ["prefect.asset.materialization.succeeded"]}, "resource": {"id": [asset.key]}}
    events = httpx.post(f"{api}/events/filter", json={"filter": wanted}).raise_for_status().json()["events"]
    return [one["prefect.resource.id"] for event in events for one in event["related"]]


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_a_job_goes_into_a_table(
    batch_server: BatchServer, reviews: str, warehouse: str, tmp_path: Path, prefect_server: str
) -> None:
    """Once, with each answer, and as an asset; it is done then, and another table under its key is refused."""
    into = labels(if_exists="append")
    report = run(reviews, into, tmp_path)
    assert report.complete
    assert report.destination == "WAREHOUSE: table labels"
    assert rows_of(warehouse, "SELECT count(*), count(answer), min(id) FROM labels") == [(30, 30, "000")]
    wait_until(lambda: f"file://{reviews}" in assets_before(prefect_server, asset_of_table("WAREHOUSE", "labels")))
    assert run(reviews, into, tmp_path) == report
    assert rows_of(warehouse, "SELECT count(*) FROM labels") == [(30,)]
    assert batch_server.bill()["billed"] == 30
    with pytest.raises(JobKeyError, match="another destination"):
        run(reviews, labels(table="others"), tmp_path)


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_a_table_in_the_way_costs_nothing(
    batch_server: BatchServer, reviews: str, warehouse: str, tmp_path: Path
) -> None:
    """It is seen before the rows are read, and before anything is sent; a corrected call may use the key."""
    execute(warehouse, "CREATE TABLE labels (id TEXT)")
    with pytest.raises(DestinationError, match="WAREHOUSE: table labels exists already"):
        run(reviews, labels(), tmp_path)
    with pytest.raises(DestinationError, match="column 'review' is missing"):
        run(reviews, labels(if_exists="replace"), tmp_path)
    assert not [request for request in batch_server.requests() if request["method"] == "POST"]
    assert batch_server.bill()["billed"] == 0
    assert run(reviews, labels(table="others"), tmp_path).complete


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_rows_that_go_again_take_the_place_of_those_without_an_answer(
    batch_server: BatchServer, reviews: str, sqlite_warehouse: str, tmp_path: Path
) -> None:
    """As long as the job's own rows can be told from others': appended ones cannot, which is said before."""
    batch_server.fail(LineFault(kind="error", pattern="Review 7", times=1))
    assert not run(reviews, labels(), tmp_path, options=RunOptions(poll_seconds=0.1, max_rounds=1)).complete
    assert rows_of(sqlite_warehouse, "SELECT count(*), count(answer) FROM labels") == [(30, 29)]
    assert resume_job("job", storage=str(tmp_path / "jobs"), options=QUICK).complete
    assert rows_of(sqlite_warehouse, "SELECT count(*), count(answer) FROM labels") == [(30, 30)]


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_what_openai_takes_nothing_of_leaves_the_table_alone(
    batch_server: BatchServer, reviews: str, sqlite_warehouse: str, tmp_path: Path
) -> None:
    request = ChatRequest(model="{{ 'no-such-model' if id else '' }}", prompt="{{ review }}")
    with pytest.raises(BatchFailed, match="results.parquet"):
        run(reviews, labels(), tmp_path, request)
    assert run(reviews, labels(), tmp_path).complete
    assert rows_of(sqlite_warehouse, "SELECT count(answer) FROM labels") == [(30,)]


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server", "batch_server")
def test_a_frame_comes_back_and_goes_into_a_table(sqlite_warehouse: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"number": [1, 2], "review": ["good", "bad"]})
    answered = run_dataframe(frame, REVIEW, destination=labels(), storage=str(tmp_path / "jobs"), options=QUICK)
    found = rows_of(sqlite_warehouse, "SELECT answer FROM labels ORDER BY number")
    assert answered["answer"].tolist() == [answer for (answer,) in found]


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server", "batch_server", "sqlite_warehouse")
def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """`examples/to_a_database.py`, as it stands."""
    runpy.run_path(str(ROOT / "examples" / "to_a_database.py"), run_name="__main__")
    assert "20 of 20 rows in WAREHOUSE: table labels\n{'succeeded': 20}" in capsys.readouterr().out


def test_answers_that_a_table_does_not_take_are_kept(reviews: str, warehouse: str, tmp_path: Path) -> None:
    """Somebody made a table of that name while the batches ran: the way out is another, or a file."""
    job = by_hand(reviews, labels(), tmp_path)
    execute(warehouse, "CREATE TABLE labels (id TEXT)", "INSERT INTO labels VALUES ('theirs')")
    with pytest.raises(TableNotWritten, match="WAREHOUSE: table labels.*exists already.*resume job") as failed:
        load_results.fn(job)
    assert "://" not in str(failed.value)
    assert rows_of(warehouse, "SELECT * FROM labels") == [("theirs",)]
    moved = keep_destination(job, labels(table="others"))
    assert load_results.fn(moved) == 30
    assert rows_of(warehouse, "SELECT count(*) FROM others") == [(30,)]
    assert keep_destination(moved, str(tmp_path / "answers.csv")).into is None
    assert load_job(job.folder).destination == str(tmp_path / "answers.csv")


def test_a_value_that_the_table_does_not_take_at_the_end_is_not_quoted(
    reviews: str, warehouse: str, tmp_path: Path
) -> None:
    """What the database says of a row may hold anything that stands in it."""
    job = by_hand(reviews, labels(if_exists="append"), tmp_path)
    execute(warehouse, f"CREATE TABLE labels (id TEXT, review TEXT CHECK (review <> 'Review 7'), {ANSWERED})")
    with pytest.raises(TableNotWritten, match="the database says") as failed:
        load_results.fn(job)
    assert "Review 7" not in str(failed.value).replace("review <> 'Review 7'", "")  # the table's own words
    assert failed.value.__cause__ is None


def test_a_job_that_was_appended_may_not_go_on(reviews: str, warehouse: str, tmp_path: Path) -> None:
    """Its rows would stand twice; it is said before they are paid for. Its end may be told again."""
    job = by_hand(reviews, labels(if_exists="append"), tmp_path)
    load_results.fn(job)
    with pytest.raises(DestinationError, match="30 rows of this job already"):
        check_table.fn(job)  # rows without an answer would go again
    assert load_results.fn(job) == 30
    assert rows_of(warehouse, "SELECT count(*) FROM labels") == [(30,)]


def test_a_key_of_another_life_is_told_by_the_ledger(reviews: str, warehouse: str, tmp_path: Path) -> None:
    """The job's folder is lost: what its table holds is not appended again."""
    into = labels(if_exists="append")
    job = by_hand(reviews, into, tmp_path)
    load_results.fn(job)
    job.files.remove()
    with pytest.raises(DestinationError, match="30 rows of this job already"):
        by_hand(reviews, into, tmp_path)


def test_a_table_has_its_own_word_for_what_becomes_of_it() -> None:
    """So the flow's own word for files is refused beside it."""
    with pytest.raises(DestinationError, match="leave out the flow's"):
        refuse_if_exists("reviews.csv", labels(if_exists="append"), "replace")
