"""What OpenAI's webhooks have delivered, kept on disk until it is dealt with."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

KEPT_SECONDS = 73 * 3600.0
"""OpenAI repeats a delivery for 72 hours; as long it is known."""

MOST = 1_000
"""Deliveries that are dealt with at once."""

_TABLE = """
CREATE TABLE IF NOT EXISTS deliveries (
    webhook_id TEXT PRIMARY KEY, batch_id TEXT, received_at REAL, due REAL, told_at REAL, done INTEGER DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS open_deliveries ON deliveries (due) WHERE NOT done;
"""


@dataclass(frozen=True)
class Delivery:
    """A batch has ended; times are Unix seconds.

    `told_at` is when Prefect was last told of it, None where it has not been.
    """

    webhook_id: str
    batch_id: str
    received_at: float
    told_at: float | None = None


class Inbox:
    """Deliveries in a SQLite file: each is there once, and no `kill -9` takes it away.

    It is open inside `with`, and may be opened again.

    Args:
        path: The file; it is made where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as undoing:
            connected = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=30)
            undoing.callback(connected.close)
            connected.execute("PRAGMA journal_mode = WAL")
            connected.execute("PRAGMA synchronous = FULL")  # what was answered outlives a power failure
            connected.executescript(_TABLE)
            undoing.pop_all()
        self._database = connected
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._database.close()

    def put(self, delivery: Delivery) -> bool:
        """Keep a delivery; False where it was delivered before."""
        row = (delivery.webhook_id, delivery.batch_id, delivery.received_at, delivery.received_at)
        with self._lock:
            inserted = self._database.execute(
                "INSERT OR IGNORE INTO deliveries (webhook_id, batch_id, received_at, due) VALUES (?, ?, ?, ?)",
                row,
            )
            return inserted.rowcount == 1

    def due(self, now: float) -> list[Delivery]:
        """The deliveries to deal with now, the oldest first."""
        with self._lock:
            found = self._database.execute(
                "SELECT webhook_id, batch_id, received_at, told_at FROM deliveries "
                "WHERE NOT done AND due <= ? ORDER BY due LIMIT ?",
                (now, MOST),
            )
            return [Delivery(*row) for row in found]

    def next_due(self) -> float | None:
        """When there is something to deal with next; None where there is nothing."""
        with self._lock:
            (found,) = self._database.execute("SELECT min(due) FROM deliveries WHERE NOT done").fetchone()
        return None if found is None else float(found)

    def keep(self, due: Mapping[Delivery, float]) -> None:
        """Deal with these again later, each in its time."""
        rows = [(time, delivery.told_at, delivery.webhook_id) for delivery, time in due.items()]
        self._write("UPDATE deliveries SET due = ?, told_at = ? WHERE webhook_id = ?", rows)

    def close_deliveries(self, deliveries: Iterable[Delivery]) -> None:
        """These are dealt with."""
        rows = [(delivery.webhook_id,) for delivery in deliveries]
        self._write("UPDATE deliveries SET done = 1 WHERE webhook_id = ?", rows)

    def forget(self, now: float) -> None:
        """Drop what OpenAI repeats no more."""
        self._write("DELETE FROM deliveries WHERE received_at < ?", [(now - KEPT_SECONDS,)])

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._lock, self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(statement, rows)
