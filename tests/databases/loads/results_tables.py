"""Tables of results, and what a database holds of them."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
from prefect_openai_batch import SqlDestination
from prefect_openai_batch.batch.outcomes.token_counts import COUNTS
from prefect_openai_batch.batch.tables.sql.loads.engines import OPTIONS
from prefect_openai_batch.batch.tables.sql.loads.ledger import Entry
from prefect_openai_batch.batch.tables.sql.loads.loading import Results, load
from sqlalchemy import create_engine

NOON = dt.datetime(2026, 11, 26, 12, 0, 0, 5)
ZONED = NOON.replace(tzinfo=dt.UTC)

RESULTS = (
    *("custom_id", "outcome", "answer", "finish_reason", "error_code", "error_message", "model"),
    *("batch_id", "request_id"),
)
ANSWERED = ", ".join([*(f"{name} TEXT" for name in RESULTS), *(f"{name} BIGINT" for name in COUNTS)])
"""The columns that results add."""


def labels(**fields: Any) -> SqlDestination:
    return SqlDestination.model_validate({"database": "WAREHOUSE", "table": "labels", **fields})


def numbered(ids: Sequence[int], answer: str = "good") -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), "answer": pa.array([answer] * len(ids))})


def bring(url: str, into: SqlDestination, table: pa.Table, job_key: str = "job", digest: str = "first") -> None:
    """Load a table as the results of a job; the digest tells them from others of the same job."""
    engine = create_engine(url, **OPTIONS)
    results = Results(job_key, table.schema, table.to_batches(max_chunksize=1000), Entry(digest, table.num_rows))
    load(engine, into, results)


def rows_of(url: str, query: str = "SELECT id, answer FROM labels ORDER BY id, answer") -> list[tuple[Any, ...]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.exec_driver_sql(query)]
    engine.dispose()
    return found


def execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def array_of(kind: pa.DataType, *values: Any) -> pa.Array:
    return pa.array([*values, None], kind)


KINDS: dict[str, tuple[pa.Array, list[Any]]] = {
    "text": (
        array_of(pa.string(), "tab\t, line\n\\. \\N \r \"quotes\" 'q'", ""),
        ["tab\t, line\n\\. \\N \r \"quotes\" 'q'", ""],
    ),
    "view": (array_of(pa.string_view(), "as a view", ""), ["as a view", ""]),
    "category": (array_of(pa.string(), "a", "b").dictionary_encode(), ["a", "b"]),
    "small": (array_of(pa.int16(), -5, 5), [-5, 5]),
    "large": (array_of(pa.int64(), -(2**63), 2**63 - 1), [-(2**63), 2**63 - 1]),
    "double": (array_of(pa.float64(), 0.1, -1e300), [0.1, -1e300]),
    "single": (array_of(pa.float32(), 0.1, 2.5), [0.1, 2.5]),
    "half": (array_of(pa.float16(), 0.5, 2.5), [0.5, 2.5]),
    "yes": (array_of(pa.bool_(), True, False), [True, False]),
    "moment": (array_of(pa.timestamp("us"), NOON, dt.datetime(1, 1, 1)), [NOON, dt.datetime(1, 1, 1)]),
    "fine": (array_of(pa.timestamp("ns"), NOON, NOON), [NOON, NOON]),
    "day": (array_of(pa.date32(), NOON.date(), dt.date(1999, 12, 31)), [NOON.date(), dt.date(1999, 12, 31)]),
    "hour": (array_of(pa.time64("us"), NOON.time(), dt.time(0)), [NOON.time(), dt.time(0)]),
    "bytes": (array_of(pa.binary(), b"\x00\xff\\", b""), [b"\x00\xff\\", b""]),
    "nested": (
        array_of(pa.struct({"a": pa.int64(), "b": pa.list_(pa.string())}), {"a": 1, "b": ["x"]}, {"b": []}),
        [{"a": 1, "b": ["x"]}, {"a": None, "b": []}],
    ),
    "pairs": (array_of(pa.map_(pa.string(), pa.int64()), [("k", 1)], []), [{"k": 1}, {}]),
    "lists of lists": (array_of(pa.list_(pa.list_(pa.int64())), [[1], [2, 3]], []), [[[1], [2, 3]], []]),
    "texts": (
        array_of(pa.list_(pa.string()), ['a,"b\\', "NULL", None, "", "{}"], []),
        [['a,"b\\', "NULL", None, "", "{}"], []],
    ),
    "vector": (array_of(pa.list_(pa.float32(), 2), [0.5, 0.25], [1, 2]), [[0.5, 0.25], [1.0, 2.0]]),
    "odd %(name)s:1": (array_of(pa.int64(), 1, 2), [1, 2]),
}
"""Columns of each kind, and what a database gives back of their values, null at the end."""

BY_DATABASE: dict[str, tuple[pa.Array, dict[str, list[Any]]]] = {
    "decimal": (
        array_of(pa.decimal128(30, 2), Decimal("12345678901234567890.10"), Decimal("0.00")),
        {
            "postgresql": [Decimal("12345678901234567890.10"), Decimal("0.00")],
            "sqlite": ["12345678901234567890.10", "0.00"],
        },
    ),
    "unsigned": (
        array_of(pa.uint64(), 2**64 - 1, 0),
        {"postgresql": [Decimal(2**64 - 1), Decimal(0)], "sqlite": ["18446744073709551615", "0"]},
    ),
    "zoned": (
        array_of(pa.timestamp("us", "Europe/Berlin"), ZONED, ZONED),
        {"postgresql": [ZONED, ZONED], "sqlite": ["2026-11-26 12:00:00.000005+00:00"] * 2},
    ),
    "uuid": (
        array_of(pa.uuid(), UUID(int=1).bytes, UUID(int=2).bytes),
        {"postgresql": [UUID(int=1), UUID(int=2)], "sqlite": [str(UUID(int=1)), str(UUID(int=2))]},
    ),
    "zero": (
        array_of(pa.string(), "a\0b", "c"),
        {"postgresql": ["a\N{REPLACEMENT CHARACTER}b", "c"], "sqlite": ["a\0b", "c"]},
    ),
    "zero in json": (
        array_of(pa.struct({"a": pa.string()}), {"a": "\\u0000 \0\0"}, {"a": None}),
        {
            "postgresql": [{"a": "\\u0000 \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"}, {"a": None}],
            "sqlite": [{"a": "\\u0000 \0\0"}, {"a": None}],
        },
    ),
}
"""Columns of kinds that one of the databases has no type for."""
