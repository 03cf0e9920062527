"""What became of a job: its table's digest, its rows, its bill."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from prefect_openai_batch.emulator import BatchServer

OF_THE_RUN = ("batch_id", "request_id")
"""Columns that OpenAI makes anew for each batch."""


@dataclass(frozen=True)
class Outcome:
    """A job's end.

    Attributes:
        engine: What it ran on.
        rows: Rows with an answer.
        digest: Of the table as Arrow's bytes, without what differs from batch to batch; empty: there is none.
        billed: Items billed.
        twice: Items billed more than once.
        start: Seconds of the engine's start alone.
        seconds: Seconds of the job, the engine's start within.
        after_kill: Seconds from the kill to the end; None: nothing was killed.
        store: Processor seconds of the object store meanwhile.
    """

    engine: str
    rows: int
    digest: str
    billed: int
    twice: int
    start: float
    seconds: float
    after_kill: float | None
    store: float = 0.0


def read_outcome(
    engine: str, server: BatchServer, destination: str, taken: Mapping[str, float], after_kill: float | None
) -> Outcome:
    """Read what became of a job; one that has failed has no table."""
    billed = Counter(str(line["custom_id"]) for line in server.billed_items() if line["billed"])
    files, path = fsspec.core.url_to_fs(destination, skip_instance_cache=True)
    rows, digest = 0, ""
    if taken and files.exists(path):
        with files.open(path) as file:
            table = pq.read_table(file)
        rows, digest = table.num_rows - table["answer"].null_count, _digest(table.drop_columns(OF_THE_RUN))
    return Outcome(
        engine=engine,
        rows=rows,
        digest=digest,
        billed=sum(billed.values()),
        twice=sum(count > 1 for count in billed.values()),
        start=taken.get("start", 0.0),
        seconds=taken.get("seconds", 0.0),
        after_kill=after_kill,
    )


def _digest(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks(), max_chunksize=50_000)
    return hashlib.sha256(sink.getvalue()).hexdigest()[:16]
