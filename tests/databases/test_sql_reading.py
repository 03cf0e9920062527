"""A source in a database is read once, in one snapshot; what goes wrong is said in the database's own words."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest
from prefect_openai_batch import ChatRequest, DatabaseUnreachable, Job, SourceError, SqlSource, open_job
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.tables.any_source import opened, source_digest
from prefect_openai_batch.batch.tables.parts import read_rows
from prefect_openai_batch.batch.tables.sql.database_words import hidden
from prefect_openai_batch.batch.tables.sql.sql_reading import Connect, sql_columns
from prefect_openai_batch.tasks.read import read_source
from prefect_openai_batch.tasks.remote.tries import CONNECTING, brief_pauses
from sqlalchemy import Engine, create_engine, make_url

ROWS = 12_000
ASKED = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
NUMBERED = f"""
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
    SELECT i, 'as it was' FROM n
"""
BREAKING = """
    CREATE FUNCTION breaking(i int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN
        IF i = 7000 AND current_setting('application_name') = 'breaks' THEN
            PERFORM pg_terminate_backend(pg_backend_pid());
        END IF;
        RETURN i;
    END $$
"""


@pytest.fixture
def lake(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database named LAKE, with a table of reviews."""
    monkeypatch.setenv("LAKE", database)
    engine = create_engine(database)
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")  # whoever reads is in nobody's way
        connection.exec_driver_sql("CREATE TABLE reviews (id INTEGER PRIMARY KEY, review TEXT)")
        connection.exec_driver_sql(f"INSERT INTO reviews {NUMBERED}")
    yield engine
    engine.dispose()


@pytest.fixture
def connect(database: str) -> Connect:
    return lambda _: create_engine(database)


def kept(job: Job) -> pa.Table:
    rows = job.rows()
    assert rows is not None
    return pa.Table.from_batches([batch for part in rows.parts for batch in read_rows(job.files, part.number)])


def test_what_changes_while_it_is_read_does_not_show(lake: Engine, connect: Connect) -> None:
    """Rows that come, go and change after the first are as they were in all that is read."""
    with opened(SqlSource(database="lake", table="reviews"), connect) as reader:
        batches = iter(reader)
        found = [next(batches)]
        with lake.begin() as connection:
            connection.exec_driver_sql("UPDATE reviews SET review = 'changed' WHERE id > 6000")
            connection.exec_driver_sql(f"INSERT INTO reviews VALUES ({ROWS + 1}, 'new')")
            connection.exec_driver_sql("DELETE FROM reviews WHERE id = 9000")
        found += batches
    table = pa.Table.from_batches(found)
    assert (table.num_rows, table["review"].unique().to_pylist()) == (ROWS, ["as it was"])
    assert len(found) > 2


def test_rows_keep_the_order_in_which_they_were_read(lake: Engine, tmp_path: Any) -> None:
    """A query's order is that of the job's rows; the source is not asked again, on whichever worker."""
    query = "SELECT id, review FROM reviews WHERE id <= :last ORDER BY id % 7, id DESC"
    source = SqlSource(database="LAKE", query=query, parameters={"last": 1000}, limit=900)
    job = open_job(source, ASKED, job_key="ordered", storage=str(tmp_path))
    assert read_source.fn(job).rows == 900
    with lake.begin() as connection:
        connection.exec_driver_sql("DROP TABLE reviews")
    again = open_job(source, ASKED, job_key="ordered", storage=str(tmp_path))
    assert again == job
    assert kept(again)["id"].to_pylist() == sorted(range(1, 1001), key=lambda i: (i % 7, -i))[:900]


def test_no_row_is_read_for_the_columns_names(lake: Engine, connect: Connect) -> None:
    """What would fail for a row does not fail yet."""
    query = "SELECT id, CAST(review AS INTEGER) AS number FROM reviews -- 'as it was' is none in PostgreSQL"
    assert sql_columns(SqlSource(database="lake", query=query), connect) == ("id", "number")


def test_a_job_is_refused_before_anything_is_written(lake: Engine, connect: Connect, tmp_path: Any) -> None:
    """By the columns' names, and by what the database says of the query."""

    def opening(**source: Any) -> Callable[[], Job]:
        wanted = SqlSource(database="lake", **source)
        return lambda: open_job(wanted, ASKED, job_key="a", storage=str(tmp_path / "jobs"), connect=connect)

    with pytest.raises(Exception, match="lake: query: The template .* names the column 'review'"):
        opening(query="SELECT id FROM reviews")()
    with pytest.raises(SourceError, match="lake: query: the database refuses it: .*nowhere"):
        opening(query="SELECT * FROM nowhere")()
    with pytest.raises(SourceError, match="lake: table nowhere: the database refuses it: .*nowhere"):
        opening(table="nowhere")()
    assert not (tmp_path / "jobs").exists()
    assert opening(table="reviews")().source == SqlSource(database="lake", table="reviews")


def test_a_query_cannot_write(lake: Engine, connect: Connect) -> None:
    for query in ("DELETE FROM reviews", "DELETE FROM reviews RETURNING id"):
        with pytest.raises(SourceError), opened(SqlSource(database="lake", query=query), connect) as reader:
            list(reader)
    with lake.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM reviews").scalar() == ROWS


def test_a_query_that_fails_shows_neither_values_nor_password(postgres_url: str) -> None:
    """PostgreSQL quotes a value that it cannot read; the error has its name."""
    url = make_url(postgres_url).set(password="lakes-own-secret")
    source = SqlSource(
        database="lake",
        query="SELECT CAST(:word AS integer) AS number",
        parameters={"word": "a-value-of-a-person"},
    )
    with pytest.raises(SourceError) as refused, opened(source, lambda _: create_engine(url)) as reader:
        list(reader)
    assert 'invalid input syntax for type integer: ":word"' in str(refused.value)
    assert "a-value" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert hidden("no lakes-own-secret here", url, {"n": "no"}) == "no *** here"


def test_a_connection_that_breaks_is_read_anew_as_a_whole(
    postgres_url: str, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The backend ends while rows are read: nothing half-read counts, and the next try reads all."""
    names = iter(("once", "breaks", "whole"))

    def connect(_: str) -> Engine:
        return create_engine(postgres_url, connect_args={"application_name": next(names)})

    engine = connect("to make what breaks")
    with engine.begin() as connection:
        connection.exec_driver_sql(BREAKING)
    engine.dispose()
    query = "SELECT breaking(i) AS id, 'x' AS review FROM generate_series(1, 12000) i ORDER BY i"
    job = open_job(SqlSource(database="LAKE", query=query), ASKED, job_key="broken", storage=str(tmp_path))
    with brief_pauses():
        assert CONNECTING.call(keep_rows, job, connect).rows == 12_000
    assert "The database: DatabaseUnreachable, tried again" in caplog.text
    assert kept(job)["id"].to_pylist() == list(range(1, 12_001))
    names = iter(("breaks",))
    other = open_job(job.source, ASKED, job_key="other", storage=str(tmp_path))
    with pytest.raises(DatabaseUnreachable, match="LAKE: query: the database .* ended the connection"):
        keep_rows(other, connect)


def test_a_digest_is_of_what_is_asked() -> None:
    source = SqlSource(database="lake", query="SELECT :a AS a", parameters={"a": 1})
    same, other = source.model_copy(), source.model_copy(update={"parameters": {"a": 2}})
    assert source_digest(source) == source_digest(same) != source_digest(other)
