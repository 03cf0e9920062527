"""The memory of the whole flow, above what importing Prefect takes, at tables of different sizes.

Each size runs in a process of its own against our Batch API server, which is another process, as Prefect's server
is. The peak is what the kernel keeps of the process itself (VmHWM: `ru_maxrss` begins with that of whoever started
it); the steps' peaks are looked at every 20 milliseconds, each look counted to the step that was heard of last.

    python -m benchmarks.memory [--rows 50000 200000 1000000] [--repeat 1]
"""

import argparse
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from .against_a_script import run, server, write_source
from .turns import machine

STEPS = ("read", "build", "upload", "wait", "fetch", "write")
FLAT = 0.15
MOST_MB = 400

OURS = """
import json, resource, sys, time
from collections import defaultdict
from threading import Event, Thread
import prefect
source, destination, storage, prompt = sys.argv[1:]
def peak_kilobytes():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])

imported = peak_kilobytes()
from prefect_openai_batch import openai_batch, ChatRequest, RunOptions
from prefect_openai_batch.batch.progress import observed_by
from prefect.client.orchestration import get_client
get_client(sync_client=True).hello()
page = resource.getpagesize()
step, over, peaks = "read", Event(), defaultdict(int)

def hear(news):
    global step
    step = news.step

def watch():
    with open("/proc/self/statm") as told:
        while not over.wait(0.02):
            told.seek(0)
            peaks[step] = max(peaks[step], int(told.read().split()[1]) * page)

Thread(target=watch, daemon=True).start()
begun = time.time()
with observed_by(hear):
    request, quick = ChatRequest(model="gpt-5-mini", prompt=prompt), RunOptions(poll_seconds=1, max_poll_seconds=1)
    report = openai_batch(source, request, destination, storage=storage, options=quick)
over.set()
peak = peak_kilobytes()
print(json.dumps(dict(seconds=time.time() - begun, peak=peak, imported=imported, rows=report.answered,
                      batches=[batch.id for batch in report.batches], steps=peaks)))
"""


def main() -> None:
    """Run each size and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[50_000, 200_000, 1_000_000])
    parser.add_argument("--repeat", type=int, default=1)
    given = parser.parse_args()
    print(machine())
    print(f"\n{'MB above Prefect':>16}{'peak':>8}" + "".join(f"{step:>8}" for step in STEPS) + f"{'answered':>12}")
    peaks = {rows: median(_measured(rows) for _ in range(given.repeat)) for rows in given.rows}
    spread = max(peaks.values()) / min(peaks.values()) - 1
    print(f"\nthe largest is {spread:.0%} above the smallest; flat is {FLAT:.0%} at most, and {MOST_MB} MB")


def _measured(rows: int) -> float:
    """Run the flow once on so many rows, print its line, and return the peak in MB."""
    with tempfile.TemporaryDirectory() as scratch, server(Path(scratch)) as base_url:
        source = write_source(Path(scratch) / "rows.csv", rows)
        found = run(OURS, source, Path(scratch) / "ours", base_url)
    if found["rows"] != rows:
        sys.exit(f"{found['rows']:,} of {rows:,} rows are answered")
    peak = _above(found, found["peak"])
    steps = "".join(f"{_above(found, found['steps'].get(step, 0) / 1024):>8.0f}" for step in STEPS)
    print(f"{rows:>16,}{peak:>8.0f}{steps}{found['rows']:>12,}", flush=True)
    return peak


def _above(found: dict[str, Any], kilobytes: float) -> float:
    return max(0.0, kilobytes - float(found["imported"])) / 1000


if __name__ == "__main__":
    main()
