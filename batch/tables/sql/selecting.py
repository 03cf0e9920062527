"""The one place where a source becomes SQL: its query as it was written, or one around it."""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Any

from .sql_source import Parameter, SqlSource, with_plain_colons

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, ColumnElement, FromClause, Select, TextClause

ROWS = "source_rows"
"""What a query is called in the one around it."""


def select_rows(source: SqlSource, condition: ColumnElement[bool] | None = None) -> Select[tuple[()]] | TextClause:
    """What a source asks its database for; nothing is asked here, and no value is written into it.

    A query without a condition goes as it was written. With one it becomes a subquery; PostgreSQL and SQLite keep
    the order that it names in it.

    Args:
        source: The source. Its limit is no part of the SQL: whoever reads ends there.
        condition: On its columns, by their names.

    Example:
        ```python
        from prefect_openai_batch import SqlSource
        from prefect_openai_batch.batch.tables.sql.selecting import select_rows
        from sqlalchemy import column

        source = SqlSource(database="warehouse", query="SELECT id, review FROM reviews")
        print(select_rows(source, column("id") > 1_000))
        ```
    """
    from sqlalchemy import literal_column, select

    if source.query is not None and condition is None:
        return _written(source)
    everything: Select[tuple[()]] = select(literal_column("*")).select_from(rows_of(source))
    return everything if condition is None else everything.where(condition)


def select_no_rows(source: SqlSource) -> Select[tuple[()]]:
    """The columns of a source, and none of its rows."""
    from sqlalchemy import literal_column, select

    return select(literal_column("*")).select_from(rows_of(source)).limit(0)


def rows_of(source: SqlSource) -> FromClause:
    """What stands behind FROM: the table, or the query as a subquery."""
    from sqlalchemy import table

    if source.table is None:
        return _written(source, "\n").columns().subquery(ROWS)  # it may end with a comment
    schema, _, name = source.table.rpartition(".")
    return table(name, schema=schema or None)


def _written(source: SqlSource, end: str = "") -> TextClause:
    from sqlalchemy import text

    query = with_plain_colons((source.query or "").strip().rstrip(";"))
    return text(query + end).bindparams(*starmap(_bound, source.parameters.items()))


def _bound(name: str, value: Parameter | list[Parameter]) -> BindParameter[Any]:
    """A parameter; a text has no type, so that the database makes a date of it, say, where it meets one."""
    from sqlalchemy import bindparam
    from sqlalchemy.types import NullType

    values = value if isinstance(value, list) else [value]
    kind = NullType() if any(isinstance(one, str) for one in values) else None
    return bindparam(name, value, kind, expanding=isinstance(value, list))
