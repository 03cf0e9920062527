"""What it costs to wait a day for 20 batches that end one after the other: in a process, and suspended.

Each way runs on a Prefect server, a process worker and a receiver of webhooks of its own, against our Batch API
server. The server's clock and the flow's run fast, and a sensor's delays are as much shorter; starting a process
takes its true time. Timers cannot be shortened below ten seconds, which is what they are here: so as a third way
their looks come about hourly, where in a true day they come every 30 seconds to 10 minutes.

    python -m benchmarks.waiting [--batches 20] [--speed 240] [--rows 2000]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.emulator import BatchFault, BatchServer, ServerSettings, Timing
from prefect_openai_batch.emulator.clock import Clock
from prefect_openai_batch.flows.suspension.looks import LOOKS

from .prefect_server import free_port
from .turns import machine
from .waits.measure import Watch, settle, watched
from .waits.stage import SECRET, Stage, staged

HOUR = 3_600.0
DAY = 24 * HOUR
ENDS = ("Completed", "Partial", "Failed", "Crashed", "Cancelled")
WAYS = ("sensor", "suspend, webhook", "suspend, timer")
LOOKS_A_DAY = round(
    sum(
        (min(look.until, DAY) - begun) / look.seconds
        for begun, look in zip((0.0, *(look.until for look in LOOKS)), LOOKS, strict=False)
    )
)
"""How often timers look at a job in a true day."""


@dataclass(frozen=True)
class Cost:
    """What one way of waiting took; times are true seconds."""

    way: str
    seconds: float
    watch: Watch
    calls: int
    rows: int
    task_runs: int
    log_lines: int
    fetched_after: list[float]
    written_after: float

    @property
    def resident(self) -> float:
        """The resident memory of a process of the run, in bytes."""
        return median(self.watch.resident)

    @property
    def held(self) -> float:
        """How many processes the run held in a true day, on average.

        A sensor's is there as much of a day as of the time on the fast clock. One that wakes lives for as many
        true seconds, by webhooks as often as here, by timers as often as looks come.
        """
        share = self.watch.held / self.watch.looks
        if self.way == "sensor":
            return share
        lives = share * self.seconds / len(self.watch.starts)
        return lives * (LOOKS_A_DAY if self.way.endswith("timer") else len(self.watch.starts)) / DAY


@dataclass(frozen=True)
class Day:
    """A stage, and a server on whose clock a day passes in minutes."""

    stage: Stage
    server: BatchServer
    begun: float
    speed: float

    def true_time(self, shown: float) -> float:
        """The true time when the server's clock shows this one."""
        return self.begun + (shown - self.begun) / self.speed


@contextmanager
def staged_day(folder: Path, way: str, batches: int, speed: float) -> Iterator[Day]:
    """What a job of so many batches runs on; they end one after the other, through a day."""
    begun, hooks = time.time(), free_port()
    server_settings = ServerSettings(
        data=folder / "batch-server",
        speed=speed,
        models=("*",),
        timing=Timing(validating=60, running=HOUR, finalizing=60),
        webhook_url=f"http://127.0.0.1:{hooks}/",
        webhook_secret=SECRET,
    )
    slow = [
        BatchFault(kind="slow_finalizing", batches=(number,), seconds=22 * HOUR * number / batches)
        for number in range(1, batches + 1)
    ]
    times = Times(looks=(10.0, 10.0, 10.0)) if way.endswith("timer") else Times()
    with BatchServer(server_settings, clock=Clock(speed, begun)) as server:
        server.fail(*slow)
        receiver = server.base_url if way.endswith("webhook") else None
        with staged(folder, times, receiver, hooks=hooks, heartbeat=180) as stage:
            yield Day(stage, server, begun, speed)


def measure(way: str, batches: int, speed: float, rows: int) -> Cost:
    """Run one job to its end."""
    with tempfile.TemporaryDirectory() as scratch, staged_day(Path(scratch), way, batches, speed) as day:
        stage = day.stage
        before, begun = settle(stage.database), time.time()
        environment = {
            "DAY_BEGUN": str(day.begun),
            "DAY_SPEED": str(speed),
            "OPENAI_BASE_URL": day.server.base_url,
        }
        wanted = _parameters(stage.folder, way, batches, rows)
        run_id = stage.start(wanted, environment, "benchmarks.waits.day.openai_batch")
        with watched(run_id) as watch:
            while stage.state(run_id) not in ENDS:
                time.sleep(1)
        ended = time.time()
        if stage.state(run_id) != "Completed":
            raise SystemExit(stage.worker.log.read_text())
        _check(day, rows)
        after = settle(stage.database)
        return Cost(
            way=way,
            seconds=ended - begun,
            watch=watch,
            calls=len(day.server.requests()),
            rows=sum(after.values()) - sum(before.values()),
            task_runs=after["task_run"] - before["task_run"],
            log_lines=after["log"] - before["log"],
            fetched_after=_fetched_after(day),
            written_after=(stage.folder / "answers.parquet").stat().st_mtime - max(_ends(day).values()),
        )


def _parameters(folder: Path, way: str, batches: int, rows: int) -> dict[str, object]:
    table = {
        "model": [f"gpt-5-{number % batches:02}" for number in range(rows)],
        "review": [f"I like it {number}." for number in range(rows)],
    }
    pd.DataFrame(table).to_parquet(folder / "reviews.parquet")
    return {
        "source": str(folder / "reviews.parquet"),
        "request": {"kind": "chat", "model": "{{ model }}", "prompt": "{{ review }}"},
        "destination": str(folder / "answers.parquet"),
        "storage": str(folder / "jobs"),
        "options": {"wait": way.partition(",")[0]},
    }


def _check(day: Day, rows: int) -> None:
    bill = day.server.bill()
    answered = pd.read_parquet(day.stage.folder / "answers.parquet")["answer"].notna().sum()
    if not (answered == bill["billed"] == bill["executed"] == rows and not bill["billed_more_than_once"]):
        raise SystemExit(f"{answered} answered, {bill}")


def _ends(day: Day) -> dict[str, float]:
    """When each batch ended, in true time."""
    return {batch["id"]: day.true_time(batch["completed_at"]) for batch in day.server.state()["batches"]}


def _fetched_after(day: Day) -> list[float]:
    """How long after each batch's end its answers were fetched, in true seconds."""
    ends = _ends(day)
    found = []
    for record in (day.stage.folder / "jobs").glob("*/rounds/1/*/fetched.json"):
        batch = next(batch for batch in ends if batch in record.read_text())
        found.append(max(0.0, record.stat().st_mtime - ends[batch]))
    return found


def table(costs: dict[str, Cost], batches: int, speed: float, rows: int) -> str:
    """The costs, one way a column."""
    lines: list[tuple[str, Callable[[Cost], str]]] = [
        ("processes held, mean of a true day", lambda cost: f"{cost.held:.4f}"),
        ("resident memory held, mean, MB", lambda cost: f"{cost.held * cost.resident / 1e6:,.2f}"),
        ("resident memory of a process, MB", lambda cost: f"{cost.resident / 1e6:,.0f}"),
        ("process starts", lambda cost: f"{len(cost.watch.starts)}"),
        ("calls to OpenAI", lambda cost: f"{cost.calls}"),
        ("rows added to Prefect's database", lambda cost: f"{cost.rows:,}"),
        ("task runs", lambda cost: f"{cost.task_runs}"),
        ("log lines", lambda cost: f"{cost.log_lines}"),
        ("a batch's end to its answers, s, median", lambda cost: f"{median(cost.fetched_after):.1f}"),
        ("a batch's end to its answers, s, max", lambda cost: f"{max(cost.fetched_after):.1f}"),
        ("the last batch's end to the table, s", lambda cost: f"{cost.written_after:.1f}"),
    ]
    head = (
        f"{batches} batches of {rows // batches} items, ending one after the other through a day; clock x{speed:g}"
    )
    names = f"{'':42}" + "".join(f"{way:>18}" for way in costs)
    body = [f"{name:42}" + "".join(f"{tell(cost):>18}" for cost in costs.values()) for name, tell in lines]
    return "\n".join([head, "", names, *body])


def main() -> None:
    """Print the table of all ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--speed", type=float, default=240.0, help="seconds on the clock a true second")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    given = parser.parse_args()
    costs = {}
    for way in given.ways:
        costs[way] = measure(way, given.batches, given.speed, given.rows)
        print(f"{way}: {costs[way].seconds:.0f} s", file=sys.stderr)
    print(f"{machine()}\n")
    print(table(costs, given.batches, given.speed, given.rows))
    every = 10 * given.speed / 3600
    print(f"\nThe timer looked every {every:.1f} hours of the clock; in a true day it looks {LOOKS_A_DAY} times.")


if __name__ == "__main__":
    main()
