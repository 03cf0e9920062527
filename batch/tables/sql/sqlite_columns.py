"""The columns of a source in SQLite: by their declared types, or by the kinds of all their values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from .reflected_columns import arrow_type
from .selecting import rows_of, select_rows
from .sql_source import SqlSource

if TYPE_CHECKING:
    from sqlalchemy import Connection

VIEW = "prefect_openai_batch_described"


def sqlite_columns(connection: Connection, source: SqlSource) -> pa.Schema:
    """The columns of a source with their types.

    A declared type counts: a value that is none of its kind is refused when it is read. A column that has none, as
    an expression, or only NUMERIC or BLOB, is what all its values are, for SQLite then takes any: integers,
    floats, bytes, and text where they are mixed.
    """
    declared = _declared(connection, source)
    found = _found(connection, source, [name for name, kind in declared.items() if _is_of_its_values(kind)])
    return pa.schema([(name, found.get(name) or kind or pa.string()) for name, kind in declared.items()])


def _is_of_its_values(kind: pa.DataType | None) -> bool:
    """Whether SQLite takes any value for what is declared, so that only the values tell."""
    return kind is None or bool(pa.types.is_binary(kind))


def _declared(connection: Connection, source: SqlSource) -> dict[str, pa.DataType | None]:
    """Each column's type as its table declares it, which only a view of a query tells; it lies in no file."""
    from sqlalchemy import inspect

    blank = {name: [None] if isinstance(value, list) else None for name, value in source.parameters.items()}
    query = select_rows(source.model_copy(update={"parameters": blank})).compile(
        connection, compile_kwargs={"literal_binds": True}
    )
    connection.exec_driver_sql(f"CREATE TEMP VIEW {VIEW} AS {query}")
    columns = inspect(connection).get_columns(VIEW, schema="temp")
    connection.exec_driver_sql(f"DROP VIEW temp.{VIEW}")
    return {column["name"]: None if _is_loose(kind := column["type"]) else arrow_type(kind) for column in columns}


def _is_loose(kind: object) -> bool:
    """Whether it is NUMERIC without digits, which SQLite makes of any type that it does not know."""
    from sqlalchemy import types

    return type(kind) is types.NUMERIC and kind.precision is None


def _found(connection: Connection, source: SqlSource, names: list[str]) -> dict[str, pa.DataType | None]:
    """What the values of some columns are, by one pass over all of them in the same snapshot; None without any."""
    from sqlalchemy import column, distinct, func, quoted_name, select

    if not names:
        return {}
    # Quoted, for SQLite has more keywords than SQLAlchemy knows.
    kinds = [func.group_concat(distinct(func.typeof(column(quoted_name(name, quote=True))))) for name in names]
    row = connection.execute(select(*kinds).select_from(rows_of(source))).one()
    return {name: _type_of(set((found or "").split(","))) for name, found in zip(names, row, strict=True)}


def _type_of(kinds: set[str]) -> pa.DataType | None:
    match sorted(kinds - {"null", ""}):
        case []:
            return None
        case ["integer"]:
            return pa.int64()
        case ["real"] | ["integer", "real"]:
            return pa.float64()
        case ["blob"]:
            return pa.binary()
        case _:
            return pa.string()
