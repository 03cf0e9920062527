"""Marks in a real database, and sources in one read from their marks on."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect_openai_batch import SqlSource, Watermark
from prefect_openai_batch.batch.answer_store.kept_marks import KeptMarks
from prefect_openai_batch.batch.answer_store.store import AnswerStore
from prefect_openai_batch.batch.tables.new_rows.opening import opened_new
from prefect_openai_batch.batch.watermarks.mark import KeptMark, Mark
from sqlalchemy import Engine, create_engine

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    engine = create_engine(database)
    yield engine
    engine.dispose()


def mark(value: int | None, minutes: float = 0, *, full: bool = False) -> KeptMark:
    """A mark of a table that was read so many minutes after noon."""
    read_at = NOW + timedelta(minutes=minutes)
    return KeptMark(Mark(kind="integer", value=value, floor=value, read_at=read_at, job_key="job", full=full), b"")


def test_a_mark_keeps_its_exact_value_and_moves_once(engine: Engine) -> None:
    """Moved again by the same job it stands as it did."""
    marks = KeptMarks(AnswerStore(engine))
    assert marks.find("key") is None
    moved = KeptMark(mark(2**70 + 1).mark, bytes(range(32)))
    for _ in range(2):
        assert marks.move("key", moved, name="orders", column="id")
        assert KeptMarks(AnswerStore(engine)).find("key") == moved
    (one,) = marks.all()
    assert (one.key, one.name, one.column, one.mark.shown, one.remembered) == (
        *("key", "orders", "id"),
        *("1,180,591,620,717,411,303,425", 2),
    )
    assert (marks.forget(["key", "other"]), marks.find("key")) == (1, None)


def test_a_job_that_read_earlier_and_ends_later_moves_nothing_back(engine: Engine) -> None:
    """Nor does a lower mark, unless all rows were read anew."""
    marks = KeptMarks(AnswerStore(engine))
    moves = [mark(None, 1), mark(10, 5), mark(20, 3), mark(9, 6), mark(9, 7, full=True), mark(12, 8)]
    moved = [marks.move("key", one, name="orders", column="id") for one in moves]
    assert moved == [True, True, False, False, True, True]
    assert marks.find("key") == moves[-1]


SQL_TYPES = {
    "integers": ("bigint", ["7", "8", "9"]),
    "dates": ("date", ["'2026-11-20'", "'2026-11-21'", "'2026-11-22'"]),
    "wall times": (
        "timestamp",
        ["'2026-11-22 23:59:59.999998'", "'2026-11-22 23:59:59.999999'", "'2026-11-23 00:00:00'"],
    ),
}


@pytest.mark.parametrize("kind", SQL_TYPES)
def test_a_database_is_read_from_its_mark_on(engine: Engine, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties, and rows without a value, are found that come later; what was taken is not taken again."""
    monkeypatch.setattr("prefect_openai_batch.batch.watermarks.highest.HIGHEST_KEPT_OUT", 0)
    declared, (low, mid, high) = SQL_TYPES[kind]
    execute(engine, f'CREATE TABLE orders ("At" {declared}, label text)')
    take = reader(engine, SqlSource(database="lake", table="orders", watermark=Watermark(column="At")))
    execute(engine, f"INSERT INTO orders VALUES ({low}, 'one'), ({mid}, 'two'), (NULL, 'three')")
    assert take() == ["one", "two", "three"]
    execute(engine, f"INSERT INTO orders VALUES ({low}, 'late'), ({mid}, 'tie'), ({high}, 'new'), (NULL, 'three')")
    assert take() == ["tie", "new", "three"]
    assert take() == []


def test_a_query_is_read_from_its_mark_on_by_its_own_parameters(engine: Engine) -> None:
    execute(engine, "CREATE TABLE orders (id bigint, shop text)")
    query = "SELECT id, shop AS label FROM orders WHERE shop <> :shop ORDER BY id DESC"
    source = SqlSource(
        database="lake", query=query, parameters={"shop": "c"}, watermark=Watermark(column="id", lag=5)
    )
    take = reader(engine, source)
    for first in (0, 2_000):
        execute(
            engine, *(f"INSERT INTO orders VALUES ({first + one}, '{'abc'[one % 3]}')" for one in range(1_500))
        )
        assert len(take()) == 1_000


def test_an_instant_is_the_same_in_any_session(postgres_url: str) -> None:
    """To the microsecond, and although each night's session is in another zone."""
    engine = create_engine(postgres_url)
    execute(engine, "CREATE TABLE orders (at timestamptz, label text)")
    source = SqlSource(database="lake", table="orders", watermark=Watermark(column="at"))
    zones = iter(["Asia/Kolkata", "America/St_Johns", "UTC"])
    take = reader(engine, source, lambda: f"-c timezone={next(zones)}")
    execute(engine, "INSERT INTO orders VALUES ('2026-11-24 11:00:00.000002Z', 'one')")
    assert take() == ["one"]
    values = "('2026-11-24 11:00:00.000001Z', 'late'), ('2026-11-24 12:00:00.000002+01', 'tie')"
    execute(engine, f"INSERT INTO orders VALUES {values}, ('2026-11-24 11:00:00.000003Z', 'new')")
    assert take() == ["tie", "new"]
    assert take() == []
    engine.dispose()


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def reader(engine: Engine, source: SqlSource, options: Callable[[], str] | None = None) -> Callable[[], list[Any]]:
    """What takes the new rows of a source, each time from where it was."""
    kept: list[KeptMark] = []

    def take() -> list[Any]:
        connect_args = {"options": options()} if options else {}
        with opened_new(
            source,
            kept[-1] if kept else None,
            now=NOW,
            job_key="job",
            connect=lambda _: create_engine(engine.url, connect_args=connect_args),
        ) as rows:
            labels = [label for batch in rows.batches() for label in batch["label"].to_pylist()]
        kept.extend(filter(None, [rows.next_mark()]))
        return labels

    return take
