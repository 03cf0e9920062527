"""A job that has all its answers and goes into a database; and what became of its rows there."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from prefect_openai_batch import ChatRequest, Job, SqlDestination, open_job
from prefect_openai_batch.batch.jobs.job import LOADED, RESULTS
from prefect_openai_batch.batch.jobs.results import write_job_results
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.tables.sql.loads.engines import OPTIONS
from prefect_openai_batch.batch.tables.sql.loads.ledger import LEDGER, Entry
from prefect_openai_batch.batch.tables.sql.loads.loading import Results, load
from prefect_openai_batch.batch.tables.sql.sql_destination import IfTableExists
from sqlalchemy import create_engine, inspect, text

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

OLD = 1_000
"""Rows of others that a table holds before, with ids below 0."""

APPENDED = {"if_exists": "append"}


def write_source(path: Path, rows: int) -> None:
    """A table of all kinds of columns, with nulls among them."""
    numbers = range(rows)

    def some(values: Iterator[object], kind: pa.DataType | None) -> pa.Array:
        return pa.array([None if place % 7 == 0 else value for place, value in enumerate(values)], kind)

    columns = {
        "id": pa.array(numbers, pa.int64()),
        "review": pa.array([f"Review {number}:\tI like it,\nsays “{number}”." for number in numbers]),
        "price": some((Decimal(number).scaleb(-2) for number in numbers), pa.decimal128(18, 2)),
        "score": some((number / 7 for number in numbers), pa.float64()),
        "bought": some((BEGINNING + timedelta(seconds=number) for number in numbers), pa.timestamp("us", "UTC")),
        "day": some((BEGINNING.date() + timedelta(days=number % 999) for number in numbers), pa.date32()),
        "again": some((number % 2 == 0 for number in numbers), pa.bool_()),
        "photo": some((number.to_bytes(4, "big") for number in numbers), pa.binary()),
        "tags": some(([f"tag {number % 5}", "all"] for number in numbers), pa.list_(pa.string())),
        "place": some(({"x": number, "name": f"shelf {number}"} for number in numbers), None),
    }
    pq.write_table(pa.table(columns), path, row_group_size=10_000)


def make_job(folder: Path, rows: int, if_exists: IfTableExists) -> Job:
    """A job whose results are written, for a table of a database."""
    source = folder / "rows.parquet"
    if not source.exists():
        write_source(source, rows)
    into = SqlDestination(
        database="WAREHOUSE",
        table="labels",
        if_exists=if_exists,
        key_columns=("id",) if if_exists == "upsert" else (),
    )
    request = ChatRequest(model="gpt-5-mini", prompt="Good? {{ review }}")
    job = open_job(str(source), request, into, job_key=f"load-{if_exists}", storage=str(folder / "jobs"))
    write_job_results(job, job.rows() or keep_rows(job))
    return job


@dataclass(frozen=True)
class Found:
    """What a table holds: of others' rows, of the job's, and how many stand twice or are missing."""

    old: int
    rows: int
    twice: int
    missing: int


def look(url: str, rows: int) -> Found:
    """Look into the table, as any reader does."""
    engine = create_engine(url)
    with engine.connect() as connection:
        if not inspect(connection).has_table("labels"):
            return Found(0, 0, 0, rows)
        old, own, distinct = connection.execute(
            text(
                "SELECT count(CASE WHEN id < 0 THEN 1 END), count(CASE WHEN id >= 0 THEN 1 END), "
                "count(DISTINCT CASE WHEN id >= 0 THEN id END) FROM labels"
            )
        ).one()
    engine.dispose()
    return Found(old, own, own - distinct, rows - distinct)


@dataclass(frozen=True)
class Start:
    """One start: whether it was killed, how long it took in seconds, and its most memory in bytes."""

    killed: bool
    seconds: float
    memory: int = 0


def start(job: Job, url: str, *points: str) -> Start:
    """Load in a process of its own, killed at the point."""
    begun = time.monotonic()
    command = [sys.executable, "-m", f"{__package__}.process", job.folder, url, *points]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if ended.returncode == -signal.SIGKILL:
        return Start(killed=True, seconds=seconds)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return Start(killed=False, seconds=seconds, memory=int(ended.stdout))


def put_back(job: Job, url: str) -> None:
    """The job as it was before anything was loaded, and its table with nothing but the rows of others."""
    assert job.into is not None
    job.files.remove(LOADED)
    engine = create_engine(url, **OPTIONS)
    with engine.begin() as connection:
        for name in ("labels", LEDGER):
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    if job.into.if_exists != "refuse":
        with job.files.open(RESULTS) as file:
            first = pq.ParquetFile(file).read_row_group(0).slice(0, OLD)
        ids = pa.array(range(-first.num_rows, 0), pa.int64())
        old = first.set_column(0, first.schema.field("id"), ids)
        kept = (
            SqlDestination(**{**job.into.model_dump(), **APPENDED})
            if job.into.if_exists == "replace"
            else job.into
        )
        load(engine, kept, Results("others", old.schema, old.to_batches(), Entry("others", old.num_rows)))
    engine.dispose()
