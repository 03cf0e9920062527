"""What another process has locked in a database: waited for aloud, not for ever, and in a way that a signal ends.

A driver that waits by itself does so without a word, and in C, where no signal of ours comes through.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeVar

from ...errors import DatabaseLocked
from ...progress import noted_wait

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger(__name__)

R = TypeVar("R")

LOCK_SECONDS = 60.0
"""How long somebody else's lock is waited for while nothing is paid yet."""

TOLD_SECONDS = 0.5
"""Who waits no longer than this says nothing of it."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.25
"""Seconds between two looks whether the lock is gone."""

AT_ONCE = "1ms"
"""How long PostgreSQL itself waits for a lock; 0 would be for ever."""

LOCKED = ("SQLITE_BUSY", "SQLITE_LOCKED")
"""How the names of SQLite's errors begin that say so."""

LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that was not had in time."""

WHO = {
    "postgresql": "SELECT pid, state, query FROM pg_stat_activity WHERE state <> 'idle' shows who it is",
    "sqlite": "it is one that writes to the file, or has left a transaction open",
}
"""How one finds the process, by the database's kind."""


def when_free(
    locked: str,
    act: Callable[[], R],
    *,
    database: str | None = None,
    seconds: float = LOCK_SECONDS,
    kind: str = "",
) -> R:
    """What an act gives, which is tried again for as long as another process has locked what it needs.

    Args:
        locked: What is locked then, in words.
        act: Raises at once where there is a lock, and can be done again.
        database: The database's name, for the error.
        seconds: How long it is waited for.
        kind: The database's kind, as SQLAlchemy's dialects are called.

    Raises:
        DatabaseLocked: the lock outlasted the time.
    """
    begun, pause, is_told = time.monotonic(), SHORTEST_PAUSE, False
    with ExitStack() as told:
        while True:
            try:
                return act()
            except Exception as error:
                if not is_locked(error):
                    raise
            waited = time.monotonic() - begun
            if waited >= seconds:
                raise outlasted(locked, database, seconds, kind)
            if waited >= TOLD_SECONDS and not is_told:
                is_told = True
                told.enter_context(noted_wait(f"{locked}, locked by another process, at most {seconds:.0f} s"))
                log.warning("%s is locked by another process: waiting for it, at most %.0f s", locked, seconds)
            pause = min(pause * 2, LONGEST_PAUSE)
            time.sleep(pause)


def is_locked(error: BaseException) -> bool:
    """Whether an error of a driver's, or SQLAlchemy's around it, says that something is locked."""
    cause = getattr(error, "orig", None) or error
    name = str(getattr(cause, "sqlite_errorname", ""))
    return name.startswith(LOCKED) or code_of(cause) == LOCK_NOT_AVAILABLE


def code_of(cause: object) -> str | None:
    """The five characters by which a driver of PostgreSQL's names an error; None where it names none."""
    said = next(iter(getattr(cause, "args", ())), None)
    found = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    found = found or (said.get("C") if isinstance(said, dict) else None)  # pg8000's way
    return None if found is None else str(found)


def wait_at_most(connection: Connection, time: str) -> None:
    """Let PostgreSQL itself wait so long for a lock, until the transaction ends; of other databases nothing."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{time}'")


def outlasted(locked: str, database: str | None, seconds: float, kind: str) -> DatabaseLocked:
    """The error of who has waited long enough."""
    who = f" ({WHO[kind]})" if kind in WHO else ""
    return DatabaseLocked(
        f"{locked} is locked by another process, and was for {seconds:.0f} s. Let that come to its end, or end it"
        f"{who}, and start again.",
        database=database,
    )
