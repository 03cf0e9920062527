"""Engines as loads need them, and what databases say of failures, with nothing of a URL or a row in it."""

from typing import Any

from sqlalchemy import Connection, Engine, NullPool, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

LOCK_SECONDS = 60
"""How long SQLite waits for somebody else who writes."""

OPTIONS: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
"""What our engines are made with: no connection is left open, and no error quotes a row."""

TRANSACTIONAL = frozenset({"postgresql", "sqlite"})
"""Databases that take a table's making back with its transaction, and that are tested."""


def prepare(engine: Engine) -> Engine:
    """The engine, whose transactions are whole in SQLite too: its driver leaves statements like CREATE outside."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _without_own_transactions)
        event.listen(engine, "begin", _begin_to_write)
    return engine


def _without_own_transactions(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {LOCK_SECONDS * 1000}")


def _begin_to_write(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def said(error: SQLAlchemyError) -> str:
    """What the database says of an error: its first line, without the values and the statement it is about."""
    if not isinstance(error, DBAPIError) or error.orig is None:
        return str(error).partition("\n")[0].partition(" (Background")[0].rstrip(".")
    told = getattr(getattr(error.orig, "diag", None), "message_primary", None)
    arguments = error.orig.args
    text = told or (arguments[-1] if arguments and isinstance(arguments[-1], str) else str(error.orig))
    return str(text).strip().partition("\n")[0].rstrip(".") or type(error.orig).__name__
