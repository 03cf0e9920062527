"""The rows and the clock of every program here."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq

MODEL = "gpt-4o-mini"
SYSTEM = "You label customer reviews."
ITEMS = 50_000

Rows = list[dict[str, Any]]


def prompt(row: dict[str, Any]) -> str:
    """What is asked of a row."""
    return f"How is this review of {row['product']} meant?\n\n{row['review']}"


def messages(row: dict[str, Any]) -> list[dict[str, str]]:
    """What is asked of a row, as a conversation."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt(row)}]


def time_building(build: Callable[[Rows, Path], None]) -> None:
    """Build all files, and print how long it took."""
    with TemporaryDirectory() as folder:
        rows, seconds, processor_seconds = 0, time.perf_counter(), time.process_time()
        for number, group in enumerate(_groups(Path(sys.argv[1]))):
            build(group, Path(folder) / f"{number}.jsonl")
            rows += len(group)
        taken = {
            "rows": rows,
            "processor_seconds": time.process_time() - processor_seconds,
            "seconds": time.perf_counter() - seconds,
        }
    print(json.dumps(taken))


def _groups(source: Path) -> Iterator[Rows]:
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(ITEMS, columns=["product", "review"]):
            yield batch.to_pylist()
