"""Whole jobs on a table of a database."""

import logging
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from prefect.exceptions import ParameterTypeError
from prefect.logging.handlers import APILogWorker
from prefect_openai_batch import (
    ChatRequest,
    RunOptions,
    SourceError,
    SqlSource,
    openai_batch,
    openai_batch_trial,
    try_rows,
)
from prefect_openai_batch.emulator import BatchServer
from sqlalchemy import create_engine, make_url

from ..flows.secrecy.left_behind import in_database, in_folder, spellings

pytestmark = pytest.mark.server

PASSWORD = "pa55/word-of-the-lake"
ASKED = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}")
QUICK = RunOptions(poll_seconds=0.1, settle_seconds=0.1)
WANTED = SqlSource(
    database="LAKE",
    query="SELECT id, review, price FROM reviews WHERE day = CAST(:day AS date) ORDER BY id DESC",
    parameters={"day": "2026-11-{scheduled:24}"},
)


@pytest.fixture
def lake(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database named LAKE, whose server takes any password."""
    url = make_url(postgres_url).set(password=PASSWORD).render_as_string(hide_password=False)
    monkeypatch.setenv("LAKE", url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE reviews (id int, review text, price numeric(8,2), day date)")
        connection.exec_driver_sql(
            "INSERT INTO reviews SELECT i, 'Review ' || i, i * 1.5, '2026-11-24' FROM generate_series(1, 20) i"
        )
        connection.exec_driver_sql("INSERT INTO reviews VALUES (99, 'of yesterday', 1, '2026-11-23')")
    engine.dispose()


@pytest.mark.usefixtures("prefect_server", "lake")
def test_a_job_on_a_query(
    batch_server: BatchServer,
    tmp_path: Path,
    prefect_environment: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Its rows and types come from the database, in its order; what the URL is opened with is nowhere."""
    caplog.set_level(logging.DEBUG)
    destination, storage = str(tmp_path / "answers.parquet"), str(tmp_path / "jobs")
    report = openai_batch(WANTED, ASKED, destination, job_key="lake", storage=storage, options=QUICK)
    assert (report.rows, report.answered) == (20, 20)
    table = pq.read_table(report.destination)
    assert table["id"].to_pylist() == list(range(20, 0, -1))
    assert [str(table.schema.field(name).type) for name in ("id", "price")] == ["int32", "decimal128(8, 2)"]
    sent = batch_server.bill()["billed"]
    assert openai_batch(WANTED, ASKED, destination, job_key="lake", storage=storage, options=QUICK) == report
    assert batch_server.bill()["billed"] == sent
    for broken in (
        SqlSource(database="LAKE", table="nowhere"),
        SqlSource(database="LAKE", query="SELECT 1 / (id - 20) AS review FROM reviews"),
    ):
        with pytest.raises(SourceError, match="LAKE: .* the database refuses it"):
            openai_batch(broken, ASKED, job_key="broken", storage=storage, options=QUICK)
    url = {"database": f"postgresql://me:{PASSWORD}@db/lake", "table": "reviews"}
    with pytest.raises(ParameterTypeError, match="give the name of that"):
        openai_batch(url, ASKED, job_key="url", storage=storage)  # type: ignore[call-overload]  # what JSON has
    APILogWorker.drain_all(timeout=10)
    left = [
        ("the log", caplog.text),
        ("the console", "".join(capfd.readouterr())),
        *in_database(Path(prefect_environment["PREFECT_HOME"]) / "prefect.db"),
        *in_folder(tmp_path / "jobs"),
    ]
    assert any("SELECT id, review, price FROM reviews" in text for _, text in left)
    assert [place for place, text in left for spelling in spellings(PASSWORD) if spelling in text] == []


@pytest.mark.usefixtures("prefect_server", "lake")
def test_a_trial_of_a_query(batch_server: BatchServer) -> None:
    trial = try_rows(SqlSource(database="LAKE", table="reviews", limit=10), ASKED, rows=3)
    assert (trial.report.rows, len(trial.answers)) == (10, 3)
    report = openai_batch_trial(WANTED, ASKED, rows=2)
    assert report.rows == 20
