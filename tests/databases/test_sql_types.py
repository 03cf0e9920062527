"""Every type of a database becomes a column that loses nothing, by what the database says of it."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pytest
from prefect_openai_batch import SourceError, SqlSource
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.batch.tables.any_source import opened
from prefect_openai_batch.batch.tables.new_rows.column_values import kind_of
from prefect_openai_batch.batch.tables.parts import read_rows, read_schema, write_parts
from sqlalchemy import Engine, create_engine

Read = Callable[..., pa.Table]


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Engine]:
    engine = create_engine(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Any) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'types.sqlite'}")
    yield engine
    engine.dispose()


def execute(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def read(engine: Engine, **source: Any) -> pa.Table:
    """A source as one table, read back from the parts that a job keeps of it."""
    folder = Folder(f"memory://{uuid4().hex}")
    wanted = SqlSource(database="lake", **source)
    with opened(wanted, lambda _: create_engine(engine.url)) as reader:
        parts = list(write_parts(reader, folder))
    rows = [batch for part in parts for batch in read_rows(folder, part.number)]
    return pa.Table.from_batches(rows, schema=read_schema(folder))


AT = datetime(2026, 11, 24, 10, 30, 0, 123456)
BERLIN = "2026-11-24 10:30:00.123456+01"

POSTGRES = {
    "small smallint": ("-7", pa.int16(), -7),
    "whole integer": ("7", pa.int32(), 7),
    "large bigint": ("9223372036854775807", pa.int64(), 2**63 - 1),
    "price numeric(12,4)": ("12345678.9", pa.decimal128(12, 4), Decimal("12345678.9000")),
    "any_number numeric": ("0.1000000000000000000000000000000000000000000001", pa.string(), None),
    "huge numeric(60,2)": ("1.5", pa.string(), "1.50"),
    "single real": ("1.1", pa.float32(), pytest.approx(1.1)),
    "double double precision": ("'-Infinity'", pa.float64(), float("-inf")),
    "yes boolean": ("true", pa.bool_(), True),
    "text text": ("'Grüße, Leser'", pa.string(), "Grüße, Leser"),
    "padded char(3)": ("'a'", pa.string(), "a  "),
    "bytes bytea": ("'\\x00ff'", pa.binary(), b"\x00\xff"),
    "day date": ("'0044-03-15'", pa.date32(), date(44, 3, 15)),
    "clock time": ("'23:59:59.999999'", pa.time64("us"), time(23, 59, 59, 999999)),
    "zoned_clock timetz": ("'10:30:00.5+02'", pa.string(), "10:30:00.5+02"),
    "at timestamp": (f"'{AT}'", pa.timestamp("us"), AT),
    "zoned timestamptz": (f"'{BERLIN}'", pa.timestamp("us", "UTC"), AT.replace(hour=9, tzinfo=UTC)),
    "took interval": ("'1 mon 2 days 03:04:05.6'", pa.string(), "1 mon 2 days 03:04:05.6"),
    "old_json json": ('\'{"b": 1.10, "a": [1,  2]}\'', pa.string(), '{"b": 1.10, "a": [1,  2]}'),
    "new_json jsonb": ("'{\"a\":12345678901234567890.10}'", pa.string(), '{"a": 12345678901234567890.10}'),
    "id uuid": ("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", pa.string(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    "mood mood": ("'happy'", pa.string(), "happy"),
    "stars stars": ("5", pa.int32(), 5),
    "words text[]": ('\'{"a,b",null,""}\'', pa.list_(pa.string()), ["a,b", None, ""]),
    "moods mood[]": ("'{sad,happy}'", pa.list_(pa.string()), ["sad", "happy"]),
    "numbers int[]": ("'{}'", pa.list_(pa.int32()), []),
    "nested int[][]": ("'{{1,2},{3,null}}'", pa.list_(pa.list_(pa.int32())), [[1, 2], [3, None]]),
    "prices numeric(5,2)[]": ("'{1.5}'", pa.list_(pa.decimal128(5, 2)), [Decimal("1.50")]),
    "moments timestamptz[]": (
        f"ARRAY['{BERLIN}'::timestamptz]",
        pa.list_(pa.timestamp("us", "UTC")),
        [AT.replace(hour=9, tzinfo=UTC)],
    ),
    "boxes box[]": ("'{(1,1),(0,0)}'", pa.list_(pa.string()), ["(1,1),(0,0)"]),
    "address inet": ("'10.0.0.1'", pa.string(), "10.0.0.1"),
    "span int4range": ("'[1,5)'", pa.string(), "[1,5)"),
    "empty text": ("null", pa.string(), None),
}


def test_each_type_of_postgresql(postgres: Engine) -> None:
    """A table's columns, and a query's: types by the server's description, values exact, nulls null."""
    values = [value for value, _, _ in POSTGRES.values()]
    execute(
        postgres,
        "CREATE TYPE mood AS ENUM ('happy', 'sad')",
        "CREATE DOMAIN stars AS int CHECK (VALUE > 0)",
        f"CREATE TABLE kinds ({', '.join(POSTGRES)})",
        f"INSERT INTO kinds VALUES ({', '.join(values)}), ({', '.join('null' for _ in values)})",
    )
    for source in ({"table": "kinds"}, {"query": "SELECT * FROM kinds LIMIT 5"}):
        found = read(postgres, **source)
        for (name, column), (written, kind, value) in zip(
            zip(POSTGRES, found.columns, strict=True), POSTGRES.values(), strict=True
        ):
            expected = [written.strip("'") if value is None and written != "null" else value, None]
            assert (column.type, column.to_pylist()) == (kind, expected), name


SQLITE = {
    "id INTEGER PRIMARY KEY": ("9223372036854775807", pa.int64(), 2**63 - 1),
    "price NUMERIC(10,2)": ("1.1", pa.decimal128(10, 2), Decimal("1.10")),
    "exact DECIMAL(20,10)": ("7", pa.decimal128(20, 10), Decimal(7)),
    "any_number NUMERIC": ("1.5", pa.float64(), 1.5),
    "real REAL": ("1", pa.float64(), 1.0),
    "yes BOOLEAN": ("1", pa.bool_(), True),
    "text VARCHAR(10)": ("'Grüße'", pa.string(), "Grüße"),
    "bytes BLOB": ("x'00ff'", pa.binary(), b"\x00\xff"),
    "day DATE": ("'2026-11-24'", pa.date32(), date(2026, 11, 24)),
    "clock TIME": ("'10:30:00.5'", pa.time64("us"), time(10, 30, 0, 500000)),
    "at DATETIME": (f"'{AT}'", pa.timestamp("us"), AT),
    "at_too TIMESTAMP": ("'2026-11-24T10:30:00.123456'", pa.timestamp("us"), AT),
    "json JSON": ("'{\"a\": 1.10}'", pa.string(), '{"a": 1.10}'),
    "mood MOOD": ("'happy'", pa.string(), "happy"),
    "loose": ("x'01'", pa.binary(), b"\x01"),
    "empty TEXT": ("null", pa.string(), None),
}


def test_each_type_of_sqlite(sqlite: Engine) -> None:
    values = [value for value, _, _ in SQLITE.values()]
    nulls = ["1", *("null" for _ in values[1:])]
    execute(
        sqlite,
        f"CREATE TABLE kinds ({', '.join(SQLITE)})",
        f"INSERT INTO kinds VALUES ({', '.join(values)}), ({', '.join(nulls)})",
    )
    query = {"query": "SELECT * FROM kinds WHERE id > :least ORDER BY id DESC", "parameters": {"least": 0}}
    for source, ids in (({"table": "kinds"}, [1, 2**63 - 1]), (query, [2**63 - 1, 1])):
        found = read(sqlite, **source).sort_by([("id", "descending")])
        assert read(sqlite, **source)["id"].to_pylist() == ids
        for (name, column), (_, kind, value) in zip(
            zip(SQLITE, found.columns, strict=True), SQLITE.values(), strict=True
        ):
            assert (column.type, column.to_pylist()[0]) == (kind, value), name
            assert name.startswith("id") or column.to_pylist()[1] is None


def test_what_sqlite_declares_no_type_for_is_what_all_its_values_are(sqlite: Engine) -> None:
    """Later values count as the first do: no type is taken from the beginning of a table."""
    execute(
        sqlite,
        "CREATE TABLE loose (id INTEGER, number, mixed, none)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
        "INSERT INTO loose SELECT i, i, i, NULL FROM n",
        "UPDATE loose SET number = 0.5, mixed = 'three' WHERE id = 300",
    )
    found = read(sqlite, query="SELECT number, mixed, none, count(*) OVER () AS all_rows FROM loose ORDER BY id")
    assert found.schema.types == [pa.float64(), pa.string(), pa.string(), pa.int64()]
    assert found.slice(298).to_pylist() == [
        {"number": 299.0, "mixed": "299", "none": None, "all_rows": 300},
        {"number": 0.5, "mixed": "three", "none": None, "all_rows": 300},
    ]


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        pytest.param("INTEGER", "'many'", "int64", id="text among integers"),
        pytest.param("DATE", "'24.11.2026'", "date32", id="a date of another form"),
        pytest.param("DATETIME", "1764000000", "timestamp", id="seconds since 1970"),
        pytest.param("DATETIME", "'2026-11-24 10:00:00+01:00'", "timestamp", id="a zone that the column has not"),
        pytest.param("DATETIME", "'2026-11-24 10:00:00.1234567'", "timestamp", id="less than a microsecond"),
        pytest.param("DECIMAL(5,2)", "1.005", "decimal128", id="more digits than declared"),
        pytest.param("BOOLEAN", "2", "bool", id="neither true nor false"),
        pytest.param("TEXT", "x'ff'", "string", id="bytes among texts"),
        pytest.param("REAL", "'one'", "double", id="text among floats"),
    ],
)
def test_what_does_not_fit_its_declared_type_is_refused_by_row_and_column(
    sqlite: Engine, column: str, value: str, kind: str
) -> None:
    execute(sqlite, f"CREATE TABLE t (id INTEGER, x {column})", f"INSERT INTO t VALUES (1, NULL), (2, {value})")
    with pytest.raises(SourceError, match=rf"lake: table t, row 2, column 'x': .* cannot be kept as {kind}"):
        read(sqlite, table="t")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param("'infinity'::date", "date32", id="a date without end"),
        pytest.param("'infinity'::timestamptz", "timestamp", id="a moment without end"),
        pytest.param("'NaN'::numeric(5,2)", "decimal128", id="no number"),
        pytest.param("'24:00'::time", "time64", id="the end of a day"),
        pytest.param("ARRAY[[1,2]]", "list<.*int32>", id="an array in an array"),
    ],
)
def test_what_arrow_cannot_hold_is_refused_by_row_and_column(postgres: Engine, value: str, kind: str) -> None:
    with pytest.raises(SourceError, match=rf"lake: query, row 1, column 'x': .* cannot be kept as {kind}"):
        read(postgres, query=f"SELECT {value} AS x")


@pytest.mark.parametrize(
    "value",
    ["'infinity'::timestamptz", "'-infinity'::date", "'0044-03-15 BC'::date", "'10000-01-01'::timestamp"],
    ids=["without end", "without beginning", "before the year 1", "behind the year 9999"],
)
def test_a_time_that_arrow_has_not_names_the_way_out(postgres: Engine, value: str) -> None:
    """Which reads it: as text, or one without end as null."""
    with pytest.raises(SourceError) as refused:
        read(postgres, query=f'SELECT {value} AS "At"')
    (way,) = re.findall(r"In the query (.+?) reads it as", str(refused.value))
    assert ("infinity" in value) == way.startswith("NULLIF")
    inside = f'SELECT {value} AS "At"'
    asked = read(postgres, query=f"SELECT {way} FROM ({inside}) inside")
    assert (asked["At"].to_pylist() == [None]) == ("infinity" in value)


def test_a_watermark_of_text_is_cast_in_the_query(postgres: Engine) -> None:
    """As numbers without digits are read."""
    schema = read(postgres, query="SELECT 1::numeric AS id").schema
    with pytest.raises(SourceError, match=r"cannot be a watermark.*CAST\(id AS bigint"):
        kind_of(schema, "id", "lake: query", in_database=True)


def test_a_table_without_columns_is_refused(postgres: Engine) -> None:
    execute(postgres, "CREATE TABLE nothing ()")
    with pytest.raises(SourceError, match="lake: table nothing: the table has no columns"):
        read(postgres, table="nothing")


def test_columns_that_cannot_be_told_apart_are_refused(database: str) -> None:
    engine = create_engine(database)
    with pytest.raises(SourceError, match="there are two columns 'id'; name one of them otherwise with AS"):
        read(engine, query="SELECT 1 AS id, 2 AS id")
    if engine.dialect.name == "sqlite":
        with pytest.raises(SourceError, match="there are two columns 'ID'"):
            read(engine, query="SELECT 1 AS id, 2 AS ID")
    with pytest.raises(SourceError, match="it gives no rows; a source is a SELECT|the database refuses it"):
        read(engine, query="CREATE TABLE t (id INTEGER)")
    engine.dispose()


def test_a_column_without_a_name_is_refused(postgres: Engine) -> None:
    with pytest.raises(SourceError, match="a column has no name; give it one with AS"):
        read(postgres, query="SELECT 1, 2 AS two")
