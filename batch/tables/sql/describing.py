"""What columns a source in a database has, and of which types: told by the database, not by its first rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa

from ...errors import SourceError
from .postgresql_columns import postgresql_columns
from .reflected_columns import arrow_type, type_of_values
from .selecting import select_no_rows, select_rows
from .sql_source import SqlSource
from .sqlite_columns import sqlite_columns

if TYPE_CHECKING:
    from sqlalchemy import Connection

UNNAMED = ("", "?column?", "None")
"""What a column is called that has no name."""

NUMBERED = re.compile(r"(.+):\d+", re.DOTALL)

FIRST_ROWS = 1_000
"""Rows whose values tell a column's type where neither database nor driver does."""


def describe(connection: Connection, source: SqlSource) -> pa.Schema:
    """The columns of a source with their types, in the transaction that this connection is in.

    PostgreSQL tells both before a row is read, SQLite by its declarations and the kinds of all its values. Of
    other databases a table's columns are reflected, and a query's are what its first rows hold.

    Raises:
        SourceError: a column has no name, or another one's.
    """
    schema = _described(connection, source)
    check_names(source, schema.names, connection.dialect.name)
    return schema


def column_names(connection: Connection, source: SqlSource) -> tuple[str, ...]:
    """The names of a source's columns; no row is read.

    Raises:
        SourceError: a column has no name, or another one's.
    """
    if _is_psycopg(connection):
        names = tuple(postgresql_columns(connection, source).names)
    else:
        names = tuple(_names_without_rows(connection, source))
    check_names(source, names, connection.dialect.name)
    return names


def check_names(source: SqlSource, names: Iterable[str], dialect: str) -> None:
    """Refuse columns that cannot be told apart.

    Raises:
        SourceError: one has no name, or another one's.
    """
    counts = Counter(names)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is None and dialect == "sqlite":
        twice = _numbered(list(counts))
    if twice in UNNAMED or any(name in UNNAMED for name in counts):
        raise SourceError(f"{source.name}: a column has no name; give it one with AS.", path=source.name)
    if twice is not None:
        raise SourceError(
            f"{source.name}: there are two columns {twice!r}; name one of them otherwise with AS.",
            path=source.name,
            column=twice,
        )
    if not counts:
        why = "the table has no columns" if source.table else "it gives no rows; a source is a SELECT"
        raise SourceError(f"{source.name}: {why}.", path=source.name)


def _numbered(names: list[str]) -> str | None:
    """The name that SQLite has numbered: of `id` and `ID` in a query within another the second is `ID:1`."""
    for name in names:
        told = NUMBERED.fullmatch(name)
        if told and any(told[1].lower() == other.lower() for other in names):
            return told[1]
    return None


def _described(connection: Connection, source: SqlSource) -> pa.Schema:
    if _is_psycopg(connection):
        return postgresql_columns(connection, source)
    if connection.dialect.name == "sqlite":
        return sqlite_columns(connection, source)
    known = _reflected(connection, source)
    names = _names_without_rows(connection, source)
    unknown = {name: None for name in names if known.get(name) is None}
    shown = _shown(connection, source, list(names)) if unknown else {}
    return pa.schema([(name, known.get(name) or shown[name]) for name in names])


def _is_psycopg(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql" and connection.dialect.driver == "psycopg"


def _names_without_rows(connection: Connection, source: SqlSource) -> list[str]:
    from sqlalchemy.exc import DBAPIError

    try:
        with connection.execute(select_no_rows(source)) as result:
            return list(result.keys())
    except DBAPIError:  # a query that may not stand within another, or is at fault: its own error says so best
        connection.rollback()
    with connection.execution_options(stream_results=True).execute(select_rows(source)) as result:
        return list(result.keys()) if result.returns_rows else []


def _reflected(connection: Connection, source: SqlSource) -> dict[str, pa.DataType | None]:
    from sqlalchemy import inspect
    from sqlalchemy.exc import NoSuchTableError

    if source.table is None:
        return {}
    schema, _, name = source.table.rpartition(".")
    try:
        columns = inspect(connection).get_columns(name, schema=schema or None)
    except NoSuchTableError:
        return {}
    return {column["name"]: arrow_type(column["type"]) for column in columns}


def _shown(connection: Connection, source: SqlSource, names: list[str]) -> dict[str, pa.DataType]:
    with connection.execution_options(stream_results=True).execute(select_rows(source)) as result:
        rows = result.fetchmany(FIRST_ROWS)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return {name: type_of_values(values) for name, values in zip(names, columns, strict=True)}
