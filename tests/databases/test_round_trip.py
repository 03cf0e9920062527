"""What is read of a database and written to it is what is read of it again: the same values, of the same types.

SQLite has no type for some, which are text there: their text is the same each time.
"""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect_openai_batch import ChatRequest, RunOptions, SqlSource, openai_batch
from prefect_openai_batch.batch.tables.any_source import opened
from prefect_openai_batch.emulator import BatchServer
from sqlalchemy import create_engine

from .loads.results_tables import bring, execute, labels, rows_of

ZONED = "2026-11-24 10:30:00.123456+01"

POSTGRES = {
    "small smallint": ("-32768", pa.int16()),
    "whole integer": ("2147483647", pa.int32()),
    "large bigint": ("-9223372036854775808", pa.int64()),
    "price numeric(12,4)": ("-12345678.9001", pa.decimal128(12, 4)),
    "longest numeric(38,10)": ("1234567890123456789012345678.0000000001", pa.decimal128(38, 10)),
    "any_number numeric": ("0.1000000000000000000000000000000000000000000001", pa.string()),
    "single real": ("1.1", pa.float32()),
    "double double precision": ("'-Infinity'", pa.float64()),
    "yes boolean": ("false", pa.bool_()),
    "words text": ("E'Grüße 漢字 🙂\\t\\\\N \\\\0 \\n\\\\. NULL'", pa.string()),
    "nothing text": ("''", pa.string()),
    "bytes bytea": ("'\\x00ff5c4e'", pa.binary()),
    "day date": ("'0001-01-01'", pa.date32()),
    "clock time": ("'23:59:59.999999'", pa.time64("us")),
    "wall timestamp": ("'9999-12-31 23:59:59.999999'", pa.timestamp("us")),
    "moment timestamptz": (f"'{ZONED}'", pa.timestamp("us", "UTC")),
    "plain json": ('\'{"b": 1.10,  "a": [null]}\'', pa.string()),
    "packed jsonb": ("'{\"a\":12345678901234567890.10}'", pa.string()),
    "named uuid": ("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'", pa.string()),
    "texts text[]": ('\'{"a,b",null,"","NULL","\\\\"}\'', pa.list_(pa.string())),
    "numbers int[]": ("'{}'", pa.list_(pa.int32())),
    "prices numeric(5,2)[]": ("'{1.5,-2}'", pa.list_(pa.decimal128(5, 2))),
    "moments timestamptz[]": (f"ARRAY['{ZONED}'::timestamptz]", pa.list_(pa.timestamp("us", "UTC"))),
    "empty text": ("null", pa.string()),
}
"""Columns of each type, a value as SQL has it, and as what a job reads it."""

SQLITE = {
    "whole INTEGER": ("9223372036854775807", pa.int64()),
    "price DECIMAL(12,4)": ("12345678.9001", pa.decimal128(12, 4)),
    "double REAL": ("0.1", pa.float64()),
    "yes BOOLEAN": ("1", pa.bool_()),
    "words TEXT": ("'Grüße 漢字 🙂 \\N \\0 NULL' || char(0) || 'x'", pa.string()),
    "bytes BLOB": ("x'00ff5c4e'", pa.binary()),
    "day DATE": ("'0001-01-01'", pa.date32()),
    "clock TIME": ("'23:59:59.999999'", pa.time64("us")),
    "wall DATETIME": ("'9999-12-31 23:59:59.999999'", pa.timestamp("us")),
    "plain JSON": ("'{\"a\": 1.10}'", pa.string()),
    "empty TEXT": ("null", pa.string()),
}

OPTIONS = RunOptions(poll_seconds=0.1)
ASKED = ChatRequest(model="gpt-5-mini", prompt="Good? {{ words }}")


@pytest.fixture
def warehouse(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("WAREHOUSE", database)
    return database


def read(url: str, table: str) -> pa.Table:
    with opened(SqlSource(database="WAREHOUSE", table=table), lambda _: create_engine(url)) as reader:
        return pa.Table.from_batches(reader, schema=reader.schema)


def own_types(url: str, table: str) -> dict[str, str]:
    """The columns' types as PostgreSQL itself calls them."""
    told = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND attrelid = "
    return dict(map(tuple, rows_of(url, f"{told}'{table}'::regclass")))


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_a_whole_job_brings_back_what_it_has_read(
    batch_server: BatchServer, warehouse: str, tmp_path: Path
) -> None:
    """And what it has written is the source of the next, which upserts it: no row changes, or comes twice."""
    kinds = SQLITE if warehouse.startswith("sqlite") else POSTGRES
    values = [value for value, _ in kinds.values()]
    execute(
        warehouse,
        f"CREATE TABLE kinds (id INTEGER PRIMARY KEY, {', '.join(kinds)})",
        f"INSERT INTO kinds VALUES (1, {', '.join(values)}), (2, {', '.join('null' for _ in values)})",
    )

    def run(source: str, key: str, **into: Any) -> pa.Table:
        table, place = SqlSource(database="WAREHOUSE", table=source), str(tmp_path / "jobs")
        report = openai_batch(table, ASKED, labels(**into), job_key=key, storage=place, options=OPTIONS)
        assert report.complete
        return read(warehouse, into["table"]).select(before.column_names).sort_by("id")

    before = read(warehouse, "kinds")
    assert before.schema.types[1:] == [kind for _, kind in kinds.values()]
    for _ in range(2):
        assert run("kinds", "first", table="labels", if_exists="append") == before
    if not warehouse.startswith("sqlite"):
        assert own_types(warehouse, "labels").items() >= own_types(warehouse, "kinds").items()
    upsert = {"table": "again", "if_exists": "upsert", "key_columns": ["id"]}
    for key in ("second", "third"):
        assert run("labels", key, **upsert) == before
    assert rows_of(warehouse, "SELECT count(*) FROM labels") == rows_of(warehouse, "SELECT count(*) FROM again")
    assert batch_server.bill()["billed"] == 6


def column(kind: pa.DataType, values: st.SearchStrategy[Any]) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    return kind, st.none() | values


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30))
DECIMALS = st.integers(-(10**15) + 1, 10**15 - 1).map(lambda number: Decimal(number).scaleb(-5))
FLOATS = st.floats(allow_nan=False)

BOTH = {
    "whole": column(pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "price": column(pa.decimal128(15, 5), DECIMALS),
    "double": column(pa.float64(), FLOATS),
    "yes": column(pa.bool_(), st.booleans()),
    "words": column(pa.string(), TEXTS),
    "bytes": column(pa.binary(), st.binary()),
    "day": column(pa.date32(), st.dates()),
    "clock": column(pa.time64("us"), st.times()),
    "wall": column(pa.timestamp("us"), MOMENTS),
}
ONLY_POSTGRES = {
    "small": column(pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "middle": column(pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "single": column(pa.float32(), st.floats(width=32, allow_nan=False)),
    "long": column(
        pa.decimal128(38, 5),
        st.decimals(allow_nan=False, allow_infinity=False, places=5).filter(lambda number: abs(number) < 10**33),
    ),
    "moment": column(pa.timestamp("us", "UTC"), MOMENTS.map(lambda at: at.replace(tzinfo=dt.UTC))),
    "texts": column(pa.list_(pa.string()), st.lists(st.none() | TEXTS, max_size=3)),
    "days": column(pa.list_(pa.date32()), st.lists(st.none() | st.dates(), max_size=3)),
    "doubles": column(pa.list_(pa.float64()), st.lists(st.none() | FLOATS, max_size=3)),
}


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_values_come_back(warehouse: str, data: st.DataObject) -> None:
    """Written, read, and what was read written and read once more."""
    columns = BOTH if warehouse.startswith("sqlite") else {**BOTH, **ONLY_POSTGRES}
    rows = data.draw(
        st.lists(st.fixed_dictionaries({name: each for name, (_, each) in columns.items()}), max_size=8)
    )
    numbered = [{"id": number, **row} for number, row in enumerate(rows)]
    schema = pa.schema([("id", pa.int64()), *((name, kind) for name, (kind, _) in columns.items())])
    table = pa.Table.from_pylist(numbered, schema=schema)
    for _ in range(2):
        execute(warehouse, "DROP TABLE IF EXISTS labels")
        bring(warehouse, labels(), table)
        found = read(warehouse, "labels").sort_by("id")
        assert found == table
        table = found
