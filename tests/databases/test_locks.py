"""What another process has locked is waited for aloud, and not for ever."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Any

import pyarrow as pa
import pytest
from prefect_openai_batch import DatabaseLocked, SqlSource
from prefect_openai_batch.batch.answer_store import tables as store_tables
from prefect_openai_batch.batch.clock import every
from prefect_openai_batch.batch.progress import latest_wait
from prefect_openai_batch.batch.tables.any_source import opened
from prefect_openai_batch.batch.tables.sql import locks, sql_reading
from prefect_openai_batch.batch.tables.sql.loads import loading, rehearsal
from prefect_openai_batch.batch.tables.sql.loads.engines import OPTIONS
from prefect_openai_batch.batch.tables.sql.loads.rehearsal import Standing, check_table
from prefect_openai_batch.blocks.databases import open_store
from sqlalchemy import create_engine

from .loads.results_tables import bring, execute, labels, numbered, rows_of

FILLED_ANEW = ("DELETE FROM labels", "INSERT INTO labels VALUES (7, 'new')")


@pytest.fixture
def table(database: str) -> str:
    """The URL of a database with a table of one row."""
    execute(database, "CREATE TABLE labels (id BIGINT, answer TEXT)", "INSERT INTO labels VALUES (1, 'old')")
    return database


@contextmanager
def locked(url: str, *statements: str, seconds: float = 60) -> Iterator[None]:
    """Somebody else has locked the table, does something to it, and lets go after so many seconds."""
    engine = create_engine(url)
    with engine.connect() as connection:
        lock = "BEGIN EXCLUSIVE" if url.startswith("sqlite") else "LOCK TABLE labels IN ACCESS EXCLUSIVE MODE"
        for statement in (lock, *statements):
            connection.exec_driver_sql(statement)
        letting_go = Timer(seconds, connection.commit)
        letting_go.start()
        yield
        letting_go.cancel()
        letting_go.join()
    engine.dispose()


def read(url: str) -> list[dict[str, Any]]:
    with opened(SqlSource(database="WAREHOUSE", table="labels"), lambda _: create_engine(url)) as reader:
        rows: list[dict[str, Any]] = pa.Table.from_batches(reader, schema=reader.schema).to_pylist()
        return rows


def look(url: str) -> None:
    check_table(create_engine(url, **OPTIONS), labels(if_exists="append"), "job", Standing(), None)


def write(url: str) -> None:
    bring(url, labels(if_exists="append"), numbered([2]))


@pytest.mark.parametrize("act", [read, look, write], ids=["a source", "a look", "a load"])
def test_a_lock_is_told_and_outlasted(
    table: str, act: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, and to whoever shows what is waited for; then the rest goes on as if nothing had been."""
    monkeypatch.setattr(locks, "TOLD_SECONDS", 0.1)
    told = set()
    with locked(table, seconds=0.6), every(0.02, lambda: told.add(latest_wait())):
        act(table)
    assert "WAREHOUSE: table labels is locked by another process: waiting for it" in caplog.text
    assert any("WAREHOUSE: table labels, locked by another process" in str(wait) for wait in told)


@pytest.mark.parametrize("act", [read, look, write], ids=["a source", "a look", "a load"])
def test_a_lock_that_stays_is_an_error_with_a_way_out(
    table: str, act: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sql_reading, loading, rehearsal):
        name = "LOAD_SECONDS" if module is loading else "LOCK_SECONDS"
        monkeypatch.setattr(module, name, 0.3)
    who = "writes to the file" if table.startswith("sqlite") else "pg_stat_activity"
    with (
        locked(table),
        pytest.raises(DatabaseLocked, match=f"WAREHOUSE: table labels is locked by another process.*{who}"),
    ):
        act(table)
    assert rows_of(table) == [(1, "old")]


def test_what_is_filled_anew_is_never_seen_empty(table: str) -> None:
    """PostgreSQL's snapshot is taken before a lock is had, and would show what was emptied meanwhile."""
    emptied = "DELETE FROM labels" if table.startswith("sqlite") else "TRUNCATE labels"
    with locked(table, emptied, "INSERT INTO labels VALUES (7, 'new')", seconds=0.5):
        assert read(table) == [{"id": 7, "answer": "new"}]


def test_rows_that_others_have_locked_are_waited_for(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of an upsert, which a lock on the table does not tell of."""
    execute(postgres_url, "CREATE TABLE labels (id BIGINT PRIMARY KEY, answer TEXT)")
    bring(postgres_url, labels(if_exists="append"), numbered([1]))
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE labels SET answer = 'theirs'")
        Timer(0.5, connection.commit).start()
        bring(postgres_url, labels(if_exists="upsert", key_columns=["id"]), numbered([1, 2]), "other")
    engine.dispose()
    assert rows_of(postgres_url) == [(1, "good"), (2, "good")]


def test_a_store_that_stays_locked_is_an_error(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_tables, "BUSY_SECONDS", 1)
    monkeypatch.setenv("ANSWERS", database)
    with open_store("ANSWERS") as store:
        lock = "BEGIN IMMEDIATE" if database.startswith("sqlite") else "LOCK TABLE openai_batch_answers"
        engine = create_engine(database)
        with engine.connect() as connection:
            connection.exec_driver_sql(lock)
            with pytest.raises(DatabaseLocked, match="answer store .* is locked by another process"):
                store.open_job("reviews", "https://api.openai.com/v1")
        engine.dispose()
        assert store.open_job("reviews", "https://api.openai.com/v1").is_new
