"""Whose turn it is in PostgreSQL: what another process has locked there is waited for where that can be told.

SQLite has one lock for all, which is waited for as a transaction begins and as it ends: see `engines.py`.
"""

from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import Connection, MetaData, Table, inspect
from sqlalchemy.exc import SQLAlchemyError

from ..locks import AT_ONCE, wait_at_most, when_free
from ..sql_destination import SqlDestination
from .column_types import is_postgres


def wait_for_table(connection: Connection, into: SqlDestination, seconds: float) -> None:
    """Wait until nobody has locked the table, and keep it from being locked until the transaction ends.

    Raises:
        DatabaseLocked: somebody had for so many seconds.
    """
    if not is_postgres(connection.dialect):
        return
    wait_at_most(connection, f"{seconds:.0f}s")  # of rows, which others may have locked one by one
    if not inspect(connection).has_table(into.table_name, schema=into.schema_name):
        return
    table = Table(into.table_name, MetaData(schema=into.schema_name))
    lock = f"LOCK TABLE {connection.dialect.identifier_preparer.format_table(table)} IN ROW EXCLUSIVE MODE"
    with suppress(SQLAlchemyError):  # a foreign table, or no right to it: the statements to come say so
        in_turn(connection, into, str(into), lambda: connection.exec_driver_sql(lock), seconds)


def in_turn(
    connection: Connection, into: SqlDestination, locked: str, act: Callable[[], object], seconds: float
) -> None:
    """Do an act in a transaction once nobody has locked what it needs; `locked` says that in words.

    Raises:
        DatabaseLocked: somebody had for so many seconds.
    """
    if not is_postgres(connection.dialect):
        act()
        return

    def act_at_once() -> None:
        with connection.begin_nested():
            wait_at_most(connection, AT_ONCE)
            act()

    when_free(locked, act_at_once, database=into.database, seconds=seconds, kind="postgresql")
    wait_at_most(connection, f"{seconds:.0f}s")
