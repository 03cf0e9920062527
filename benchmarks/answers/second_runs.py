"""What is sent again of 10,000 rows whose answers are kept, read off the Batch API server's bill.

Each run is a job with a key, a folder and a process of its own, on SQLite and on PostgreSQL. The seconds are the
flow's, the server's time among them.

    python -m benchmarks.answers.second_runs [--rows 10000] [--changed 100]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pandas as pd
from prefect_openai_batch.emulator import BatchServer

from ..prefect_server import prefect_server
from ..turns import machine
from .kept import STORE, postgresql, sqlite

RUN = """
import json, sys, time
from prefect_openai_batch import ChatRequest, RunOptions, openai_batch
source, folder, key, store, request = sys.argv[1:]
options = RunOptions(answers=store, poll_seconds=0.5, max_poll_seconds=0.5)
begun = time.monotonic()
report = openai_batch(
    source, ChatRequest(**json.loads(request)), f"{folder}/{key}.parquet",
    job_key=key, storage=f"{folder}/jobs", options=options,
)
print(json.dumps({"seconds": time.monotonic() - begun, "kept": report.from_store, "rows": report.answered}))
"""

ASKED = {"model": "gpt-5-mini", "prompt": "Positive or negative? {{ review }}"}

OTHERS: dict[str, dict[str, Any]] = {
    "another model": {"model": "gpt-5-nano"},
    "another prompt": {"prompt": "Is it positive or negative? {{ review }}"},
    "another sampling parameter": {"parameters": {"seed": 7}},
    "an answer's schema": {"answer": {"mood": "positive | negative"}},
}
"""What of the request is changed; each is asked anew."""


class Runs:
    """Runs over tables with one store, and what they cost."""

    def __init__(self, folder: Path, server: BatchServer, rows: int) -> None:
        """`rows` of each table at first."""
        self.folder, self.server, self.begun = folder, server, 0
        reviews = [f"Review {number} of ours" for number in range(rows)]
        self.known = pd.DataFrame({"id": range(rows), "review": reviews})

    def changed(self, name: str, rows: int) -> Path:
        """The table, some of its rows changed, none of them as in another table."""
        table = self.known.copy()
        table.loc[table.index[:rows], "review"] = [f"Another review {number}, {name}" for number in range(rows)]
        path = self.folder / f"{name}.csv"
        table.to_csv(path, index=False)
        return path

    def begin(self, source: Path, asked: Mapping[str, Any]) -> "subprocess.Popen[str]":
        """Begin a run in a process of its own."""
        self.begun += 1
        arguments = [str(source), str(self.folder), f"job-{self.begun}", STORE, json.dumps({**ASKED, **asked})]
        environment = {**os.environ, "OPENAI_BASE_URL": self.server.base_url, "OPENAI_API_KEY": "benchmark"}
        return subprocess.Popen(
            [sys.executable, "-c", RUN, *arguments], env=environment, stdout=subprocess.PIPE, text=True
        )

    def show(self, words: str, wanted: int, *sources: Path, **asked: Any) -> None:
        """Let runs over these tables go on at once, and print how many items were billed for them."""
        before = self.server.bill()["billed"]
        processes = [self.begin(source, asked) for source in sources]
        told = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
        billed = self.server.bill()["billed"] - before
        rows, kept = (sum(one[name] for one in told) for name in ("rows", "kept"))
        seconds = max(one["seconds"] for one in told)
        verdict = "" if billed == wanted else f"  NOT {wanted:,}"
        print(f"{words:<40}{rows:>10,}{kept:>10,}{billed:>10,}{seconds:>9.1f}{verdict}", flush=True)


def measure(runs: Runs, changed: int) -> None:
    """Every run on one database."""
    rows, same = len(runs.known), runs.changed("same", 0)
    runs.show("first run", rows, same)
    runs.show("the same again", 0, same)
    runs.show(f"{changed:,} rows changed", changed, runs.changed("changed", changed))
    for words, asked in OTHERS.items():
        runs.show(words, rows, same, **asked)
    tables = [runs.changed(name, changed) for name in ("left", "right")]
    runs.show(f"two at once, {changed:,} new in each", 2 * changed, *tables)


def databases(folder: Path) -> Iterator[tuple[str, AbstractContextManager[str]]]:
    """The kinds of stores."""
    yield "SQLite", sqlite(folder)
    yield "PostgreSQL", postgresql(folder)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--changed", type=int, default=100)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch, prefect_server(Path(scratch)) as url:
        folder = Path(scratch)
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own
        os.environ |= {"PREFECT_API_URL": url, "PREFECT_LOGGING_LEVEL": "ERROR"}
        for name, database in databases(folder):
            here = folder / name
            here.mkdir()
            with database, BatchServer() as server:
                print(f"\n{name:<40}{'answered':>10}{'kept':>10}{'billed':>10}{'seconds':>9}", flush=True)
                measure(Runs(here, server, given.rows), given.changed)


if __name__ == "__main__":
    main()
