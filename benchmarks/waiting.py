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
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pandas as pd
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.deployments.installation import install_automations
from prefect_openai_batch.flows.looks import LOOKS

from .waits.measure import Watch, settle, watched
from .waits.stage import Stage, staged, start, state

DAY = 86_400.0
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


def measure(way: str, batches: int, speed: float, rows: int) -> Cost:
    """Run one job to its end."""
    with tempfile.TemporaryDirectory() as scratch, staged(Path(scratch), batches, speed) as stage:
        _install(stage, way)
        before, begun = settle(stage.database), time.time()
        run_id = start(stage, _parameters(stage, way, batches, rows))
        with watched(run_id) as watch:
            while state(stage, run_id) not in ENDS:
                time.sleep(1)
        ended = time.time()
        if state(stage, run_id) != "Completed":
            raise SystemExit((stage.folder / "worker.log").read_text())
        _check(stage, rows)
        after = settle(stage.database)
        return Cost(
            way=way,
            seconds=ended - begun,
            watch=watch,
            calls=len(stage.server.requests()),
            rows=sum(after.values()) - sum(before.values()),
            task_runs=after["task_run"] - before["task_run"],
            log_lines=after["log"] - before["log"],
            fetched_after=_fetched_after(stage),
            written_after=(stage.folder / "answers.parquet").stat().st_mtime - max(_ends(stage).values()),
        )


def _install(stage: Stage, way: str) -> None:
    """Our automations; a timer stands behind the webhooks too."""
    with temporary_settings({PREFECT_API_URL: stage.environment["PREFECT_API_URL"]}):
        install_automations(Times(looks=(10.0, 10.0, 10.0)) if way.endswith("timer") else Times())


def _parameters(stage: Stage, way: str, batches: int, rows: int) -> dict[str, object]:
    table = {
        "model": [f"gpt-5-{number % batches:02}" for number in range(rows)],
        "review": [f"I like it {number}." for number in range(rows)],
    }
    pd.DataFrame(table).to_parquet(stage.folder / "reviews.parquet")
    return {
        "source": str(stage.folder / "reviews.parquet"),
        "request": {"kind": "chat", "model": "{{ model }}", "prompt": "{{ review }}"},
        "destination": str(stage.folder / "answers.parquet"),
        "storage": str(stage.folder / "jobs"),
        "wait": way.partition(",")[0],
    }


def _check(stage: Stage, rows: int) -> None:
    bill = stage.server.bill()
    answered = pd.read_parquet(stage.folder / "answers.parquet")["answer"].notna().sum()
    if not (answered == bill["billed"] == bill["executed"] == rows and not bill["billed_more_than_once"]):
        raise SystemExit(f"{answered} answered, {bill}")


def _ends(stage: Stage) -> dict[str, float]:
    """When each batch ended, in true time."""
    return {batch["id"]: stage.true_time(batch["completed_at"]) for batch in stage.server.state()["batches"]}


def _fetched_after(stage: Stage) -> list[float]:
    """How long after each batch's end its answers were fetched, in true seconds."""
    ends = _ends(stage)
    found = []
    for record in (stage.folder / "jobs").glob("*/rounds/1/*/fetched.json"):
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
    print(table(costs, given.batches, given.speed, given.rows))
    every = 10 * given.speed / 3600
    print(f"\nThe timer looked every {every:.1f} hours of the clock; in a true day it looks {LOOKS_A_DAY} times.")


if __name__ == "__main__":
    main()
