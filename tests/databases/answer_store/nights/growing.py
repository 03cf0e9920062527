"""A table that grows: a Parquet file, or a table of PostgreSQL's or SQLite's."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from prefect_openai_batch import FileSource, SqlSource, Watermark
from sqlalchemy import NullPool, create_engine, text

from .arrivals import Kind, Row, Value

DATABASE = "NIGHTS_DATABASE"
"""The environment variable that holds the database's URL."""

ZONES = ("UTC", "Asia/Kolkata")
"""In which times are written, turn about."""


class Growing(Protocol):
    """A table that rows are added to."""

    @property
    def source(self) -> FileSource | SqlSource:
        """The table as a source of its new rows."""
        ...

    def add(self, rows: list[Row]) -> None:
        """Add some rows at the end."""
        ...


class GrowingFile:
    """A Parquet file that is written anew each night, its times in another zone each time."""

    def __init__(self, folder: Path, kind: Kind) -> None:
        self._path, self._kind = folder / "orders.parquet", kind
        self._rows: list[Row] = []
        self._written = 0

    @property
    def source(self) -> FileSource:
        """The file as a source of its new rows."""
        return FileSource(path=str(self._path), watermark=_watermark(self._kind))

    def add(self, rows: list[Row]) -> None:
        """Add some rows at the end."""
        self._rows += rows
        self._written += 1
        values = pa.array([row.value for row in self._rows], self._type())
        pq.write_table(pa.table({"at": values, "label": [row.label for row in self._rows]}), self._path)

    def _type(self) -> pa.DataType:
        zone = ZONES[self._written % len(ZONES)]
        types = {"integers": pa.int64(), "dates": pa.date32(), "times": pa.timestamp("us", zone)}
        return types[self._kind.name]


class GrowingTable:
    """A table in a database; PostgreSQL's times have a zone, and are written in two of them."""

    def __init__(self, url: str, kind: Kind) -> None:
        self._engine, self._kind = create_engine(url, poolclass=NullPool), kind
        self._zoned = self._engine.dialect.name == "postgresql"
        times = "timestamptz" if self._zoned else "timestamp"
        declared = {"integers": "bigint", "dates": "date", "times": times}[kind.name]
        with self._engine.begin() as connection:
            connection.execute(text(f"CREATE TABLE orders (at {declared}, label text)"))

    @property
    def source(self) -> SqlSource:
        """The table as a source of its new rows."""
        return SqlSource(database=DATABASE, table="orders", watermark=_watermark(self._kind))

    def add(self, rows: list[Row]) -> None:
        """Add some rows at the end."""
        if not rows:
            return
        with self._engine.begin() as connection:
            if self._zoned:
                connection.execute(text("SET LOCAL timezone = 'America/St_Johns'"))
            values = [{"at": self._written(row.value), "label": row.label} for row in rows]
            connection.execute(text("INSERT INTO orders VALUES (:at, :label)"), values)

    def _written(self, value: Value) -> Any:
        if isinstance(value, datetime):
            return value if self._zoned else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
        return value if self._zoned or not isinstance(value, date) else value.isoformat()


def _watermark(kind: Kind) -> Watermark:
    return Watermark(column="at", lag=kind.lag)
