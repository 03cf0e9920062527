"""What a run takes while it waits."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from prefect_openai_batch.batch.clock import every

from .programs import processes_of

EVERY_SECONDS = 0.25


@dataclass
class Watch:
    """The processes of a run, as the process table showed them, look for look.

    Attributes:
        looks: How often the table was read.
        held: In how many of those looks the run had a process.
        resident: The resident memory of its processes in those, in bytes.
        starts: The ids of its processes.
    """

    looks: int = 0
    held: int = 0
    resident: list[int] = field(default_factory=list)
    starts: set[int] = field(default_factory=set)

    def look(self, run_id: str) -> None:
        """Read the process table once."""
        found = processes_of(run_id)
        self.looks += 1
        self.held += bool(found)
        self.starts |= {process.pid for process in found}
        with suppress(psutil.NoSuchProcess):
            if found:
                self.resident.append(sum(process.memory_info().rss for process in found))


@contextmanager
def watched(run_id: str) -> Iterator[Watch]:
    """Watch the processes of a run while the block runs."""
    watch = Watch()
    with every(EVERY_SECONDS, lambda: watch.look(run_id)):
        yield watch


def rows_of(database: Path) -> dict[str, int]:
    """How many rows each table of Prefect's database has."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}


def settle(database: Path) -> dict[str, int]:
    """The rows of each table once no more are added: Prefect writes events and logs some seconds late."""
    before: dict[str, int] = {}
    while (now := rows_of(database)) != before:
        before = now
        time.sleep(6)
    return now
