"""What Prefect adds to a job of 100 rows, and to one of 20 batches: seconds, task runs, rows in its database.

Each job runs through the flow and by its steps alone: the same functions without Prefect around them. Both run in
turns in one warm process, against a Prefect server with all its services and our Batch API server, in others of
their own. Own seconds are those of this process's processor by the steps alone; what the flow takes more of it is
Prefect's.

The pace of creations is set so wide that neither waits for it (`tasks/remote/paces.py`).

    python -m benchmarks.overhead [--repeat 5]
"""

import argparse
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW,
    temporary_settings,
)
from prefect_openai_batch import (
    BatchNotFinished,
    ChatRequest,
    Request,
    RunOptions,
    open_job,
    openai_batch,
    plan_round,
)
from prefect_openai_batch.batch.reports.report_page import report_page
from prefect_openai_batch.tasks import (
    build_items,
    check_access,
    clean_up,
    fetch_output,
    read_source,
    submit_batch,
    wait_for_batches,
    write_results,
)

from .against_a_script import server
from .prefect_server import prefect_server, set_pace
from .turns import machine
from .waits.measure import settle

POLL_SECONDS = 0.2
REQUEST = ChatRequest(model="{{ model }}", prompt="Is this review positive or negative?\n\n{{ review }}")
JOBS = {"100 rows, 1 batch": (100, 1), "2,000 rows, 20 batches": (2_000, 20)}
"""Rows and batches."""


@dataclass(frozen=True)
class Taken:
    """Seconds that a job took: on the wall, and of this process's processor."""

    wall: float
    processor: float


def main() -> None:
    """Run every job both ways, in turns, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    logging.disable(logging.CRITICAL)
    columns = ("flow, s", "own, s", "Prefect's, s", "waiting, s", "task runs", "database rows", "s a batch")
    print(f"{machine()}\n\n{'medians':<24}" + "".join(f"{name:>15}" for name in columns))
    with (
        tempfile.TemporaryDirectory() as scratch,
        server(Path(scratch), "--models", "*") as base_url,
        prefect_server(Path(scratch), onlookers=True) as api,
    ):
        set_pace(api, base_url, slots=1_000_000, a_second=1_000_000.0)
        os.environ |= {"OPENAI_BASE_URL": base_url, "OPENAI_API_KEY": "benchmark"}
        settings = {
            PREFECT_API_URL: api,
            PREFECT_HOME: Path(scratch) / "prefect-client",
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,  # as the command line does
            PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore",
        }
        with temporary_settings(settings):
            for name, (rows, batches) in JOBS.items():
                print(_measured(name, Path(scratch), rows, batches, repeat), flush=True)


def _measured(name: str, scratch: Path, rows: int, batches: int, repeat: int) -> str:
    source = scratch / f"{rows}.csv"
    table = {
        "model": [f"gpt-5-{row % batches:02}" if batches > 1 else "gpt-5-mini" for row in range(rows)],
        "review": [f"It is number {row}, and I like it." for row in range(rows)],
    }
    pd.DataFrame(table).to_csv(source, index=False)
    _run(run_flow, scratch, source)
    _run(run_steps, scratch, source)
    database = scratch / "prefect-server" / "prefect.db"
    before = settle(database)
    flow, steps = [], []
    for _ in range(repeat):
        flow.append(_run(run_flow, scratch, source))
        steps.append(_run(run_steps, scratch, source))
    after = settle(database)
    wall, processor = (median(getattr(one, field) for one in flow) for field in ("wall", "processor"))
    own = median(one.processor for one in steps)
    cells = (
        *(f"{seconds:.2f}" for seconds in (wall, own, processor - own, wall - processor)),
        f"{(after['task_run'] - before['task_run']) / repeat:.0f}",
        f"{(sum(after.values()) - sum(before.values())) / repeat:,.0f}",
        f"{(wall - median(one.wall for one in steps)) / batches:.2f}",
    )
    return f"{name:<24}" + "".join(f"{cell:>15}" for cell in cells)


def _run(way: Callable[[str, str, str], None], scratch: Path, source: Path) -> Taken:
    storage = scratch / "jobs"
    shutil.rmtree(storage, ignore_errors=True)
    wall, processor = time.perf_counter(), time.process_time()
    way(str(source), str(storage / "answers.parquet"), str(storage))
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def run_flow(source: str, destination: str, storage: str) -> None:
    """A job through the flow."""
    quick = RunOptions(poll_seconds=POLL_SECONDS, max_poll_seconds=POLL_SECONDS)
    report = openai_batch(source, REQUEST, destination, storage=storage, options=quick)
    assert report.complete, report


def run_steps(source: str, destination: str, storage: str) -> None:
    """The same by its steps, without Prefect."""
    request: Request = REQUEST
    job = open_job(source, request, destination, job_key=f"steps-{time.time_ns()}", storage=storage)
    check_access.fn(None)
    read_source.fn(job)
    batches = [submit_batch.fn(file) for selection in plan_round(job) for file in build_items.fn(selection)]
    while batches:
        try:
            ended = wait_for_batches.fn(batches)
        except BatchNotFinished:
            time.sleep(POLL_SECONDS)
            continue
        for batch in ended:
            fetch_output.fn(batch)
        batches = [batch for batch in batches if batch.id not in {one.id for one in ended}]
    report = write_results.fn(job)
    assert report.complete
    assert report_page(job, report).as_markdown()
    clean_up.fn(job)


if __name__ == "__main__":
    main()
