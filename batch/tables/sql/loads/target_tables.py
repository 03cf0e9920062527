"""The table that results go into: as it is found, as it is made, and how rows come into it."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    Connection,
    MetaData,
    Table,
    UniqueConstraint,
    and_,
    cast,
    exists,
    inspect,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SAWarning

from ..sql_destination import SqlDestination
from .column_types import is_read_anew
from .staging import Staging, columns_of

ON_CONFLICT: dict[str, Callable[[Table], Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}
"""Databases of which one statement updates a row or adds it."""


def find_table(connection: Connection, into: SqlDestination) -> Table | None:
    """The table as the database describes it; None where there is none."""
    if not inspect(connection).has_table(into.table_name, schema=into.schema_name):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types that it does not know, such as PostGIS's
        return Table(
            into.table_name, MetaData(schema=into.schema_name), autoload_with=connection, resolve_fks=False
        )


def make_table(connection: Connection, into: SqlDestination, schema: pa.Schema) -> Table:
    """Make the table; the key columns of an upsert are its primary key."""
    columns = columns_of(schema, connection.dialect, into.key_columns)
    table = Table(into.table_name, MetaData(schema=into.schema_name), *columns)
    table.create(connection, checkfirst=False)
    return table


def unique_keys(connection: Connection, table: Table) -> list[frozenset[str]]:
    """The sets of columns of which the table holds no value twice."""
    keys = [frozenset(column.name for column in table.primary_key)]
    keys += [
        frozenset(column.name for column in one.columns)
        for one in table.constraints
        if isinstance(one, UniqueConstraint)
    ]
    found = inspect(connection).get_indexes(table.name, schema=table.schema)
    keys += [
        frozenset(name for name in index["column_names"] if name)
        for index in found
        if index["unique"] and None not in index["column_names"] and not _is_partial(index)
    ]
    return [key for key in keys if key]


def _is_partial(index: object) -> bool:
    options = index.get("dialect_options", {}) if isinstance(index, dict) else {}
    return any(name.endswith("_where") and value is not None for name, value in options.items())


def _staged(staging: Staging, table: Table) -> list[Any]:
    """The staged columns as the table takes them: text as what PostgreSQL reads it as."""
    found = []
    for column in staging.table.columns:
        type_ = table.columns[column.name].type
        read = is_read_anew(column.type, type_, staging.dialect)
        found.append(cast(column, type_).label(column.name) if read else column)
    return found


def add_rows(connection: Connection, table: Table, staging: Staging) -> None:
    """Add the staged rows to the table."""
    names = staging.schema.names
    rows = select(*_staged(staging, table))
    connection.execute(table.insert().from_select(names, rows))


def remove_rows(connection: Connection, table: Table) -> None:
    """Remove all rows; the table itself stays, with its indexes, views and rights."""
    connection.execute(table.delete())


def upsert_rows(connection: Connection, table: Table, staging: Staging, key: Sequence[str]) -> None:
    """Put the staged rows in the place of those with their key, and add the others.

    What other columns a row has stays as it is.
    """
    insert = ON_CONFLICT.get(connection.dialect.name)
    if insert is None:
        update_and_add_rows(connection, table, staging, key)
        return
    names = staging.schema.names
    rows = select(*_staged(staging, table)).where(literal(1) == 1)  # SQLite reads ON otherwise
    added = insert(table).from_select(names, rows)
    changed = {name: added.excluded[name] for name in names if name not in key}
    connection.execute(added.on_conflict_do_update(index_elements=list(key), set_=changed))


def update_and_add_rows(connection: Connection, table: Table, staging: Staging, key: Sequence[str]) -> None:
    """The same in the words of every database: one statement for the rows that are there, one for the others."""
    staged, names = staging.table.c, staging.schema.names
    same = and_(*(table.c[name] == staged[name] for name in key))
    changed = {name: select(staged[name]).where(same).scalar_subquery() for name in names if name not in key}
    connection.execute(table.update().where(exists().where(same)).values(changed))
    new = select(*(staged[name] for name in names)).where(~exists().where(same))
    connection.execute(table.insert().from_select(names, new))
