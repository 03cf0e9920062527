"""Many Parquet files of uneven size as one source, and its table as a folder of files.

The whole flow runs in a process of its own, against our Batch API server, from a thousand files by day and country
into a folder. Then the folder is removed and the same job started again, which has its answers: it writes the
folder anew, and its bytes must be those of the first. Last comes one file with the same rows, into one. Printed
are the seconds until all is read and those of writing, the peak of resident memory above what importing Prefect
takes, and the most files of source and table that were open at once, looked at every 20 milliseconds.

    python -m benchmarks.lakes.many_files [--files 1000] [--rows 1000000]
"""

import argparse
import random
import shutil
import sys
import tempfile
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..against_a_script import run, server, write_source
from ..turns import machine

DAYS, COUNTRIES = 20, ("DE", "FR", "IT", "New%20Zealand", "__HIVE_DEFAULT_PARTITION__")

PROGRAM = """
import json, os, sys, time
from collections import defaultdict
from pathlib import Path
from threading import Event, Thread
import prefect
source, destination, storage, prompt = sys.argv[1:]
destination = destination.replace("answers.parquet", "answers/") if Path(source).is_dir() else destination
def peak_kilobytes():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])

imported = peak_kilobytes()
from prefect_openai_batch import openai_batch, ChatRequest, RunOptions
from prefect_openai_batch.batch.progress import observed_by
from prefect.client.orchestration import get_client
get_client(sync_client=True).hello()
over, opened, times = Event(), 0, defaultdict(list)

def hear(news):
    times[news.step].append(time.time())

def watch():
    global opened
    folder = Path(destination).parent
    here = (source, str(folder / "answers"), str(folder / ".answers"))
    while not over.wait(0.02):
        found = 0
        for handle in os.listdir("/proc/self/fd"):
            try:
                found += os.readlink(f"/proc/self/fd/{handle}").startswith(here)
            except OSError:
                pass
        opened = max(opened, found)

Thread(target=watch, daemon=True).start()
with observed_by(hear):
    request, quick = ChatRequest(model="gpt-5-mini", prompt=prompt), RunOptions(poll_seconds=1, max_poll_seconds=1)
    begun = time.time()
    report = openai_batch(source, request, destination, job_key=Path(source).name, storage=storage, options=quick)
over.set()
spans = {step: max(heard) - min(heard) for step, heard in times.items()}
spans["read"] = max(times["read"], default=begun) - begun
print(json.dumps(dict(seconds=time.time() - begun, peak=peak_kilobytes(), imported=imported, rows=report.answered,
                      batches=[batch.id for batch in report.batches], spans=spans, opened=opened)))
"""


def main() -> None:
    """Run the flow from many files, again, and from one file, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as base_url:
        scratch = Path(name)
        one = as_parquet(write_source(scratch / "rows.csv", given.rows))
        sizes = write_lake(scratch / "lake", one, given.files)
        print(f"\n{given.files:,} files of {min(sizes):,} to {max(sizes):,} rows, {sum(sizes):,} in all")
        print(f"\n{'':<22}{'read s':>8}{'write s':>9}{'peak MB':>9}{'files open':>12}{'answered':>12}")
        first = _run("many files, a folder", scratch / "lake", scratch / "many", base_url, given.rows)
        shutil.rmtree(scratch / "many/answers")
        second = _run("its second start", scratch / "lake", scratch / "many", base_url, given.rows)
        _run("one file, one file", one, scratch / "one", base_url, given.rows)
    same = "the same bytes" if first == second else "OTHER BYTES"
    print(f"\nthe folder has {len(first) - 1} files and _SUCCESS; on the second start: {same}")
    if first != second:
        sys.exit(1)


def as_parquet(path: Path) -> Path:
    """A CSV file's rows as Parquet beside it."""
    table = pa.Table.from_pandas(pd.read_csv(path, dtype=str), preserve_index=False)
    pq.write_table(table, path.with_suffix(".parquet"), row_group_size=5_000)
    return path.with_suffix(".parquet")


def write_lake(folder: Path, source: Path, files: int) -> list[int]:
    """A table's rows in so many files by day and country, few of them large; how many rows each has."""
    table = pq.read_table(source)
    chance = random.Random(7)  # the same lake every time
    weights = [chance.paretovariate(0.9) for _ in range(files)]
    bounds, reached = [0], 0.0
    for weight in weights:
        reached += weight
        bounds.append(round(table.num_rows * reached / sum(weights)))
    for number, (start, end) in enumerate(pairwise(bounds)):
        place = number * DAYS * len(COUNTRIES) // files
        day, country = place // len(COUNTRIES), COUNTRIES[place % len(COUNTRIES)]
        path = folder / f"day=2026-11-{day + 1:02d}/country={country}/{number:04d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(start, end - start), path)
    return [end - start for start, end in pairwise(bounds)]


def _run(name: str, source: Path, folder: Path, base_url: str, rows: int) -> dict[str, str]:
    """Run the flow, print its line, and return the digests of what it wrote into its folder, by name."""
    found: dict[str, Any] = run(PROGRAM, source, folder, base_url)
    if found["rows"] != rows:
        sys.exit(f"{found['rows']:,} of {rows:,} rows are answered")
    spans, above = found["spans"], (found["peak"] - found["imported"]) / 1000
    times = f"{spans.get('read', 0):>8.1f}{spans.get('write', 0):>9.1f}"
    print(f"{name:<22}{times}{above:>9.0f}{found['opened']:>12}{found['rows']:>12,}", flush=True)
    written = sorted((folder / "answers").glob("*")) if (folder / "answers").is_dir() else []
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in written}


if __name__ == "__main__":
    main()
