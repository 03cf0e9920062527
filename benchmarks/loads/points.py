"""Points of a load at which a process is killed: by its statements, commits and records, our code as it is."""

import os
import signal
from collections.abc import Callable
from functools import partial
from threading import Timer
from typing import Any

from prefect_openai_batch.batch.jobs.job import LOADED
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.batch.tables.sql.loads.ledger import Ledger
from prefect_openai_batch.batch.tables.sql.loads.staging import Staging
from sqlalchemy import Engine, event

IN_THE_MIDDLE = 0.01
"""Seconds after a long statement has begun, while the database is at work on it."""


def die() -> None:
    """End at once, as a machine does that loses its power."""
    os.kill(os.getpid(), signal.SIGKILL)


def _before(words: str, engine: Engine, then: Callable[[], Any] = die) -> None:
    """Before a statement that begins so, or is one of the table's own."""

    @event.listens_for(engine, "before_cursor_execute")
    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if " ".join(statement.split()).upper().startswith(words):
            then()


def _in_staging(_engine: Engine, *, chunks: int) -> None:
    written, write = 0, Staging._write

    def counted(self: Staging, chunk: Any) -> None:
        nonlocal written
        write(self, chunk)
        written += 1
        if written == chunks:
            die()

    Staging._write = counted  # type: ignore[method-assign]


def _after_staging(_engine: Engine) -> None:
    write = Staging.write

    def whole(self: Staging, batches: Any) -> int:
        write(self, batches)
        die()
        return 0

    Staging.write = whole  # type: ignore[method-assign]


def _in_copying(engine: Engine) -> None:
    for words in ("INSERT INTO LABELS", 'INSERT INTO "LABELS"'):
        _before(words, engine, lambda: Timer(IN_THE_MIDDLE, die).start())


def _around_commit(engine: Engine, *, after: bool) -> None:
    """Around the commit of the load itself, which is the last."""
    commit, entered = engine.dialect.do_commit, []
    event.listen(engine, "before_cursor_execute", lambda *given: entered.append(1) if "DROP" in given[2] else None)

    def killed(connection: Any) -> None:
        if entered and not after:
            die()
        commit(connection)
        if entered:
            die()

    engine.dialect.do_commit = killed  # type: ignore[method-assign,assignment]


def _before_the_ledger_is_seen(_engine: Engine) -> None:
    Ledger.find = lambda *_: die()  # type: ignore[method-assign]


def _before_the_record(_engine: Engine) -> None:
    write = Folder.write
    Folder.write = lambda self, name, record: die() if name == LOADED else write(self, name, record)  # type: ignore[method-assign]


def _in_the_record(_engine: Engine) -> None:
    os.fsync = lambda fd: die() if fd else None  # its temporary file is written, and not renamed


POINTS: dict[str, Callable[[Engine], None]] = {
    "before staging": partial(_before, "CREATE TEMPORARY"),
    "in mid-staging": partial(_in_staging, chunks=2),
    "after staging": _after_staging,
    "in the copying": _in_copying,
    "in the drop of staging": partial(_before, "DROP TABLE"),
    "just before the commit": partial(_around_commit, after=False),
    "just after the commit": partial(_around_commit, after=True),
    "before the ledger is seen": _before_the_ledger_is_seen,
    "before our record": _before_the_record,
    "in our record": _in_the_record,
}
"""Each sets its trap on an engine."""

COMMITTED = ("just after the commit", "before our record", "in our record")
"""Points at which the rows are there already."""

FEW = ("in the copying", "just before the commit", "just after the commit")
"""Points that say most of a way of loading, where not each is tried."""

SECOND = "before the ledger is seen"
"""A point of a second start, after one that was killed just after its commit."""
