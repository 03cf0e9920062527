"""A source in a database, read once: one connection, one transaction, one cursor, some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from ...errors import SourceError
from ..row_groups import GROUP_BYTES, GROUP_ROWS
from .database_words import in_the_databases_words
from .describing import column_names, describe
from .locks import AT_ONCE, LOCK_SECONDS, wait_at_most, when_free
from .selecting import select_rows
from .sql_source import SqlSource
from .sql_values import Misfit, shown_value, sql_column

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Engine

Connect = Callable[[str], "Engine"]
"""Makes an engine for a database by its name, as `blocks.databases.database_engine` does; it is disposed of."""

R = TypeVar("R")

FIRST_ROWS = 100
"""Rows that are asked for at first: how large they are tells how many are asked for next."""

ENDLESS = ("infinity", "-infinity", "NaN")
"""Values of PostgreSQL's times and numbers that no other type has."""

FETCHED_BYTES = GROUP_BYTES // 4
"""About the most bytes of columns that are asked for at once; a driver's objects take several times as many."""


class SqlTable:
    """The rows of a source, on a connection that holds a snapshot; `schema` is the database's own."""

    def __init__(self, connection: Connection, source: SqlSource, rows: int) -> None:
        """Have the columns described; `rows` is the most a batch holds."""
        self._connection = connection
        self._source = source
        self._rows = rows
        self.dialect: str = connection.dialect.name
        self.schema = describe(connection, source)

    def batches(self, condition: ColumnElement[bool] | None = None) -> Generator[pa.RecordBatch, None, None]:
        """The rows in the order in which the database gives them.

        Raises:
            SourceError: a value is none of its column's type; row and column are named.
        """
        rows, first = min(FIRST_ROWS, self._rows), 0
        query = select_rows(self._source, condition)
        streaming = self._connection.execution_options(stream_results=True, max_row_buffer=self._rows)
        with streaming.execute(query) as result:
            while found := result.fetchmany(rows):
                batch = self._batch(found, first)
                yield batch
                first += batch.num_rows
                fitting = FETCHED_BYTES * batch.num_rows // max(batch.nbytes, 1)
                rows = max(1, min(self._rows, rows * 4, fitting))

    def _batch(self, rows: Sequence[Any], first: int) -> pa.RecordBatch:
        columns = [
            self._column(list(values), field, first)
            for values, field in zip(zip(*rows, strict=True), self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _column(self, values: list[Any], field: pa.Field, first: int) -> pa.Array:
        try:
            return sql_column(values, field.type)
        except Misfit as misfit:
            row = first + misfit.place
            raise SourceError(
                f"{self._source.name}, row {row + 1:,}, column {field.name!r}: {shown_value(misfit.value)} cannot "
                f"be kept as {field.type}, which is the column's type. {self._way_out(field, misfit.value)}",
                path=self._source.name,
                row=row,
                column=field.name,
            ) from None

    def _way_out(self, field: pa.Field, value: Any) -> str:
        name = self._connection.dialect.identifier_preparer.quote(field.name)
        ways = [f"CAST({name} AS TEXT) AS {name} reads it as text"]
        if value in ENDLESS and not pa.types.is_nested(field.type):
            ways = [f"NULLIF({name}, '{value}') AS {name} reads it as null", *ways]
        start = "In the query" if self._source.table is None else "Read it by a query:"
        return f"{start} {', or '.join(ways)}."


@contextmanager
def opened_table(source: SqlSource, connect: Connect, rows: int = GROUP_ROWS) -> Iterator[SqlTable]:
    """A source, ready to be read in one snapshot, for as long as the block lasts.

    Raises:
        DatabaseError: there is no such database, or it cannot be reached, or what is read stays locked.
        SourceError: the query fails, or its columns cannot be told apart.
    """
    with _connected(source, connect) as connection:
        yield _in_snapshot(source, connection, lambda: SqlTable(connection, source, rows))


def sql_columns(source: SqlSource, connect: Connect) -> tuple[str, ...]:
    """The names of a source's columns; no row is read.

    Raises:
        DatabaseError: there is no such database, or it cannot be reached, or what is read stays locked.
        SourceError: the query fails, or its columns cannot be told apart.
    """
    with _connected(source, connect) as connection:
        return _in_snapshot(source, connection, lambda: column_names(connection, source))


@contextmanager
def _connected(source: SqlSource, connect: Connect) -> Iterator[Connection]:
    engine = connect(source.database)
    try:
        with in_the_databases_words(source, engine), engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            elif engine.dialect.name in ("mysql", "mariadb"):
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
    finally:
        engine.dispose()


def _in_snapshot(source: SqlSource, connection: Connection, look: Callable[[], R]) -> R:
    """What a first look gives, in a transaction in which nothing changes from then on, nor is changed by us.

    The look takes the locks that reading needs. Where it has to wait for one it begins anew: PostgreSQL's snapshot
    is taken before the lock is had, and would show a table empty that was emptied and filled meanwhile.
    """

    def begin_and_look() -> R:
        _begin(connection)
        return look()

    kind = connection.dialect.name
    found = when_free(source.name, begin_and_look, database=source.database, seconds=LOCK_SECONDS, kind=kind)
    wait_at_most(connection, "0")  # as long as it takes: what is needed is had
    return found


def _begin(connection: Connection) -> None:
    connection.rollback()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL datestyle = 'ISO'")
        wait_at_most(connection, AT_ONCE)
    elif connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        connection.exec_driver_sql("BEGIN")
