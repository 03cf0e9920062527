"""Which tables take results, and what is said of those that do not: before anything is sent."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch import ChatRequest, DatabaseError, DestinationError, check_table, open_job
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.tables.sql.loads.fitting import fits
from sqlalchemy import create_engine, make_url
from sqlalchemy import types as sql
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.dialects import sqlite

from .results_tables import ANSWERED, bring, execute, labels, rows_of

REQUEST = ChatRequest(model="gpt-5-mini", prompt="Good? {{ review }}")


@pytest.fixture
def look(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Look into the table as a job does that has read its rows, and has sent nothing."""
    monkeypatch.setenv("WAREHOUSE", database)

    def look_into(columns: dict[str, Any] | None = None, **into: Any) -> None:
        table = pa.table(columns or {"id": [1, 2, 3], "review": ["good", "bad", "so so"]})
        pq.write_table(table, tmp_path / "rows.parquet")
        source, storage = str(tmp_path / "rows.parquet"), str(tmp_path / uuid4().hex)
        job = open_job(source, REQUEST, labels(**into), job_key="job", storage=storage)
        keep_rows(job)
        check_table.fn(job)

    return look_into


@pytest.mark.parametrize(
    ("columns", "into", "said"),
    [
        pytest.param("id BIGINT", {}, "labels exists already", id="it exists"),
        pytest.param(
            f"id BIGINT, {ANSWERED}",
            {"if_exists": "append"},
            "column 'review' is missing there. ALTER TABLE labels ADD COLUMN review TEXT adds it",
            id="a column is missing",
        ),
        pytest.param(
            f"id BIGINT, review INTEGER, {ANSWERED}",
            {"if_exists": "append"},
            "'review' is INTEGER in the table, which may not hold every value: make it TEXT",
            id="text into numbers",
        ),
        pytest.param(
            f"id BIGINT, review TEXT, weight REAL NOT NULL, {ANSWERED}",
            {"if_exists": "append"},
            "column 'weight' takes no null, has no default",
            id="a column that we do not fill",
        ),
        pytest.param(
            f"id BIGINT, review TEXT, {ANSWERED}".replace("answer TEXT", "answer TEXT NOT NULL"),
            {"if_exists": "append"},
            "'answer' takes no null in the table, and rows without an answer",
            id="an answer that must be there",
        ),
        pytest.param(
            f"id BIGINT, review TEXT, {ANSWERED}",
            {"if_exists": "upsert", "key_columns": ["id"]},
            r"'id' is not unique in the table.*: CREATE UNIQUE INDEX labels_key ON labels \(id\) makes it so",
            id="no unique key",
        ),
        pytest.param(
            f"id BIGINT UNIQUE, review TEXT, {ANSWERED}",
            {"if_exists": "upsert", "key_columns": ["number"]},
            "key column 'number' is no column of the source, which has 'id', 'review'",
            id="a key that is not there",
        ),
        pytest.param(
            f"id BIGINT, review TEXT CHECK (review <> 'bad'), {ANSWERED}",
            {"if_exists": "append"},
            "labels cannot be written to: .*(check constraint|CHECK constraint)",
            id="a constraint that the first rows break",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    look: Any, database: str, columns: str, into: dict[str, Any], said: str
) -> None:
    """By the column at fault; nothing of the table is changed."""
    execute(database, f"CREATE TABLE labels ({columns})")
    with pytest.raises(DestinationError, match=said):
        look(**into)
    assert rows_of(database, "SELECT count(*) FROM labels") == [(0,)]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        pytest.param(
            {"id": [1, None], "review": ["a", "b"]}, "row 2 has no value in the key column 'id'", id="null"
        ),
        pytest.param(
            {"id": [5, 6, 5], "review": ["a", "b", "c"]}, r"rows 1 and 3 have the same key \('id': 5\)", id="twice"
        ),
    ],
)
def test_a_row_without_a_key_of_its_own_is_named(look: Any, columns: dict[str, Any], said: str) -> None:
    with pytest.raises(DestinationError, match=said):
        look(columns, if_exists="upsert", key_columns=["id"])


def test_keys_of_several_columns_are_told_apart(look: Any) -> None:
    columns = {"shop": ["a", "a", "b"], "id": [1, 2, 1], "review": ["x", "y", "z"]}
    look(columns, if_exists="upsert", key_columns=["shop", "id"])
    with pytest.raises(DestinationError, match=r"rows 1 and 2 have the same key \('shop' and 'review': a, x\)"):
        look(columns | {"review": ["x", "x", "x"]}, if_exists="upsert", key_columns=["shop", "review"])


def test_nanoseconds_are_refused(look: Any) -> None:
    at = pa.array([1_000, 1_001, 2_000], pa.timestamp("ns"))
    with pytest.raises(DestinationError, match="column 'at'.*nanoseconds"):
        look({"at": at, "review": ["a", "b", "c"]})


@pytest.mark.parametrize("year", [0, 10_000])
def test_days_that_databases_do_not_write_so_are_refused_by_row(look: Any, year: int) -> None:
    """Before they are paid for: Python, and so SQLite's driver, has no such day."""
    days = pa.array([0, int((year - 1970) * 365.2425)], pa.date32())
    with pytest.raises(DestinationError, match="column 'day': row 2 has a day outside the years 1 to 9999"):
        look({"day": days, "review": ["a", "b"]})


def test_a_view_that_lacks_a_column_is_made_anew(look: Any, database: str) -> None:
    execute(database, "CREATE TABLE base (id BIGINT)")
    for kind in ("VIEW",) if database.startswith("sqlite") else ("VIEW", "MATERIALIZED VIEW"):
        execute(database, f"CREATE {kind} labels AS SELECT id FROM base")
        with pytest.raises(DestinationError, match="'review' is missing there. It is a view: make it anew"):
            look(if_exists="append")
        execute(database, f"DROP {kind} labels")


@pytest.mark.parametrize("table", ["nowhere.labels", "a.b.labels"])
def test_a_schema_that_is_not_there_is_refused(look: Any, table: str) -> None:
    with pytest.raises(DestinationError, match="there is no schema '(nowhere|a.b)' in that database; .* name"):
        look(table=table)


def test_opposite_faults_of_keys_have_words_of_their_own() -> None:
    with pytest.raises(ValueError, match="upsert needs key columns"):
        labels(if_exists="upsert")
    with pytest.raises(ValueError, match="key columns are for upsert, and append takes none"):
        labels(if_exists="append", key_columns=["id"])


def test_a_look_changes_nothing(look: Any, database: str) -> None:
    """Neither the table, which is not made yet, nor the ledger."""
    look()
    engine = create_engine(database)
    with engine.connect() as connection:
        assert engine.dialect.get_table_names(connection) == []
    engine.dispose()


def test_whoever_may_not_write_is_told(
    tmp_path: Path, look: Any, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_url(database)
    if url.get_backend_name() == "sqlite":
        execute(database, "CREATE TABLE other (id INTEGER)")
        monkeypatch.setenv("WAREHOUSE", f"sqlite:///file:{url.database}?mode=ro&uri=true")
    else:
        execute(database, "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'hidden-word'")
        monkeypatch.setenv("WAREHOUSE", url.set(username="reader", password="hidden-word").render_as_string(False))
    with pytest.raises(
        DestinationError, match="labels cannot be written to: .*(permission denied|readonly)"
    ) as refused:
        look()
    assert "hidden-word" not in str(refused.value)


def test_a_database_that_is_not_there_is_told_by_its_name(
    look: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With nothing of its URL's password."""
    monkeypatch.setenv("WAREHOUSE", f"postgresql+psycopg://me:hidden-word@/warehouse?host={tmp_path}")
    with pytest.raises(DatabaseError, match="The database WAREHOUSE cannot be reached") as refused:
        look()
    assert "hidden-word" not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_a_url_in_the_place_of_a_name_is_not_quoted() -> None:
    with pytest.raises(ValueError, match="never the URL itself") as refused:
        labels(database="postgresql://me:hidden-word@host/warehouse")
    assert "hidden-word" not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "type_", "holds"),
    [
        pytest.param(pa.int64(), sql.BigInteger(), True, id="64 bits in 64"),
        pytest.param(pa.int64(), sql.Integer(), False, id="64 bits in 32"),
        pytest.param(pa.int16(), sql.SmallInteger(), True, id="16 bits in 16"),
        pytest.param(pa.uint32(), sql.Integer(), False, id="32 bits without sign in 32 with"),
        pytest.param(pa.int64(), sql.Numeric(19, 0), True, id="64 bits in 19 digits"),
        pytest.param(pa.int64(), sql.Numeric(18, 0), False, id="64 bits in 18 digits"),
        pytest.param(pa.int64(), sql.Double(), False, id="64 bits in a float"),
        pytest.param(pa.int64(), sql.Text(), True, id="a number in text"),
        pytest.param(pa.float64(), sql.Double(), True, id="a double"),
        pytest.param(pa.float64(), sql.REAL(), False, id="a double in a single"),
        pytest.param(pa.float64(), sql.Integer(), False, id="a float in an integer"),
        pytest.param(pa.decimal128(10, 2), sql.Numeric(10, 2), True, id="a decimal"),
        pytest.param(pa.decimal128(10, 2), sql.Numeric(10, 1), False, id="a decimal cut behind the point"),
        pytest.param(pa.decimal128(10, 2), sql.Numeric(), True, id="a decimal in any"),
        pytest.param(pa.decimal128(10, 2), sql.Double(), False, id="a decimal in a float"),
        pytest.param(pa.timestamp("us"), sql.DateTime(), True, id="a time"),
        pytest.param(pa.timestamp("us"), sql.Date(), False, id="a time in a date"),
        pytest.param(pa.timestamp("us", "UTC"), sql.DateTime(), False, id="a zoned time in one without"),
        pytest.param(pa.timestamp("us", "UTC"), sql.DateTime(timezone=True), True, id="a zoned time"),
        pytest.param(pa.date32(), sql.DateTime(), True, id="a date in a time"),
        pytest.param(pa.string(), sql.String(20), False, id="any text in 20 characters"),
        pytest.param(pa.string(), pg.ENUM("a", name="letter"), False, id="any text in a choice"),
        pytest.param(pa.string(), pg.JSONB(), False, id="text in JSON"),
        pytest.param(pa.bool_(), sql.Integer(), False, id="yes and no in a number"),
        pytest.param(pa.binary(), sql.Text(), False, id="bytes in text"),
        pytest.param(pa.struct({"a": pa.int64()}), pg.JSON(), True, id="a nested value in JSON"),
        pytest.param(pa.list_(pa.float32()), pg.ARRAY(sql.Double()), True, id="a vector in an array"),
        pytest.param(pa.list_(pa.float32()), sql.NullType(), True, id="a vector in a type of an extension"),
        pytest.param(pa.list_(pa.float32()), sql.Text(), False, id="a vector in text"),
    ],
)
def test_a_type_holds_every_value_or_is_refused(kind: pa.DataType, type_: Any, *, holds: bool) -> None:
    """In PostgreSQL, which would round and cut without a word where it may."""
    dialect = pg.dialect()  # type: ignore[no-untyped-call]
    assert fits(pa.field("column", kind), type_, dialect) is holds


def test_sqlite_holds_what_its_five_kinds_hold() -> None:
    """Its integers have 64 bits whatever they are called, its texts any length, its decimals 15 digits."""
    dialect = sqlite.dialect()
    assert fits(pa.field("a", pa.int64()), sql.Integer(), dialect)
    assert fits(pa.field("a", pa.string()), sql.String(3), dialect)
    assert fits(pa.field("a", pa.decimal128(15, 2)), sql.Numeric(15, 2), dialect)
    assert not fits(pa.field("a", pa.decimal128(16, 2)), sql.Numeric(16, 2), dialect)
    assert not fits(pa.field("a", pa.string()), sql.Numeric(), dialect)


def test_texts_of_the_source_are_read_as_what_the_table_has(
    look: Any, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they come from another table: UUIDs, JSON and choices, of which the database reads each beforehand."""
    monkeypatch.setenv("WAREHOUSE", postgres_url)
    execute(
        postgres_url,
        "CREATE TYPE mood AS ENUM ('glad', 'sad')",
        "CREATE DOMAIN rating AS NUMERIC CHECK (VALUE > 0)",
        "CREATE TABLE labels (id UUID PRIMARY KEY, place JSONB, mood MOOD, moods MOOD[], size RATING, "
        f"review TEXT, {ANSWERED})",
    )
    row: dict[str, Any] = {"id": [str(UUID(int=1))], "place": ['{"x": 1}'], "mood": ["glad"], "review": ["good"]}
    row |= {"moods": [["sad", None]], "size": ["1.50"]}
    upsert = {"if_exists": "upsert", "key_columns": ["id"]}
    look(row, **upsert)
    bring(postgres_url, labels(**upsert), pa.table(row))
    found = rows_of(postgres_url, "SELECT id, place, mood, moods::text, size FROM labels")
    assert found == [(UUID(int=1), {"x": 1}, "glad", "{sad,NULL}", Decimal("1.50"))]
    for wrong in ({"mood": ["cross"]}, {"moods": [["cross"]]}, {"size": ["large"]}):
        with pytest.raises(DestinationError, match="labels cannot be written to: invalid input .* for .*"):
            look(row | wrong, **upsert)


def test_the_longest_text_of_the_source_is_measured(look: Any, database: str) -> None:
    """PostgreSQL cuts nothing, and would refuse the row when all is paid."""
    execute(database, f"CREATE TABLE labels (id BIGINT, review VARCHAR(5), {ANSWERED})")
    look({"id": [1], "review": ["short"]}, if_exists="append")
    if not database.startswith("sqlite"):
        with pytest.raises(DestinationError, match=r"'review' is VARCHAR\(5\).*make it TEXT"):
            look({"id": [1], "review": ["longer"]}, if_exists="append")
