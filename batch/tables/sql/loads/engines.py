"""Engines as loads need them, and what databases say of failures, with nothing of a URL or a row in it."""

from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..locks import LOCK_SECONDS, when_free
from ..sql_destination import SqlDestination

LOAD_SECONDS = 600.0
"""How long somebody else's lock is waited for when all is paid; before, `LOCK_SECONDS`."""

OPTIONS: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
"""What our engines are made with: no connection is left open, and no error quotes a row."""

TRANSACTIONAL = frozenset({"postgresql", "sqlite"})
"""Databases that take a table's making back with its transaction, and that are tested."""


def prepare(engine: Engine, into: SqlDestination | None = None, seconds: float = LOCK_SECONDS) -> Engine:
    """The engine, whose transactions are whole in SQLite too: its driver leaves statements like CREATE outside.

    Args:
        engine: The database.
        into: What is written to, for whoever has to wait because another process writes to the same file.
        seconds: How long it is waited for.
    """
    if engine.dialect.name == "sqlite":
        free = partial(
            when_free,
            "the database" if into is None else str(into),
            database=None if into is None else into.database,
            seconds=seconds,
            kind="sqlite",
        )
        event.listen(engine, "connect", _without_own_transactions)
        event.listen(engine, "begin", lambda connection: free(partial(_begin_to_write, connection)))
        # Who reads keeps who writes from its end, which SQLAlchemy has no event for that comes last.
        commit = engine.dialect.do_commit
        engine.dialect.do_commit = lambda connection: free(  # type: ignore[method-assign,assignment]
            partial(commit, connection)
        )
    return engine


def _without_own_transactions(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 0")  # it would wait without a word


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
