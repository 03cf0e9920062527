"""The same rows on each engine, and what a killed process costs.

    python -m benchmarks.matrices.engines                                          # all of it: half an hour
    python -m benchmarks.matrices.engines --engines dask --rows 20000 --kills build fetch --repeat 0

The engines are threads, processes, Dask and Ray with two processes each on this machine, and one of two workers of
a work pool that share no disk: job folders, tables and Prefect's results lie in an object store (moto's server),
and Prefect's server is on PostgreSQL. Threads run with their files there too, for what the store takes is not the
workers'; its own processor seconds are told, as it takes them from the same two cores. Of the engines' time their
start is apart, measured by a flow whose tasks import what ours do. The digest is of the table's bytes, without the
ids that OpenAI makes anew.

Killed (`kill -9`) is that process of the engine which has worked most, or the run's worker with all its
processes, as a host that vanishes: while items are built, a batch is created, an output is downloaded. The exit
is 1 where a row is lost, an item billed twice, a table another one, or a job stands still.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from ..clusters import local, two_workers
from ..clusters.moments import MOMENTS
from ..clusters.object_store import new_bucket, object_store
from ..clusters.outcome import Outcome
from ..clusters.runners import RUNNERS
from ..prefect_server import prefect_server
from ..turns import machine
from ..waits.programs import Program

THREADS = "threads"
THREADS_ON_S3 = "threads on S3"
TWO_WORKERS = "two workers"
ENGINES = (*RUNNERS, THREADS_ON_S3, TWO_WORKERS)
IN_ONE_PROCESS = (THREADS, THREADS_ON_S3)
ON_S3 = (THREADS_ON_S3, TWO_WORKERS)
MODELS = ("gpt-5", "gpt-5-mini", "gpt-5-nano")

REQUEST = {"kind": "chat", "model": "{{ model }}", "prompt": "Was this review meant well?\n\n{{ review }}"}


def main() -> None:
    """Run the job on the engines, then kill their processes; print both tables."""
    options = _options()
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory(prefix="engines-", ignore_cleanup_errors=True) as scratch:
        trials = _Trials(Path(scratch), options)
        with ExitStack() as stack:
            trials.begin(stack)
            speeds = [trials.run(engine) for _ in range(options.repeat) for engine in options.engines]
            kills = {
                (engine, moment): trials.run(engine, moment)
                for engine in options.engines
                if engine not in IN_ONE_PROCESS  # the crash matrix kills that
                for moment in options.kills
            }
    problems = [*_problems([*speeds, *kills.values()], options.rows)]
    _print_speeds(speeds, options)
    _print_kills(kills, options)
    print("\n".join(problems) or "\nNothing lost, nothing billed twice, the same table everywhere.")
    sys.exit(1 if problems else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--repeat", type=int, default=3, help="whole runs of each engine, in turns")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--kills", nargs="*", choices=MOMENTS, default=MOMENTS, help="the moments of the kills")
    parser.add_argument("--api", help="the API's URL of Prefect's server, which else is started")
    parser.add_argument("--at-once", action="store_true", help="a lost run is retried by hand, not by automations")
    parser.add_argument("--keep", type=Path, help="keep the folders and logs in this new folder")
    return parser.parse_args()


class _Trials:
    """Runs of the same job, each in a new folder."""

    def __init__(self, scratch: Path, options: argparse.Namespace) -> None:
        self.scratch = (options.keep or scratch).resolve()
        self.engines = options.engines
        self.api = options.api
        self.at_once = options.at_once
        self.number = 0
        self.store: Program | None = None
        self.parameters: dict[str, Any] = {
            "request": REQUEST,
            "job_key": "job",
            "options": {"poll_seconds": 0.5, "max_poll_seconds": 1, "settle_seconds": 5},
        }
        self.scratch.mkdir(parents=True, exist_ok=True)
        source = self.scratch / "rows.parquet"
        _rows(options.rows).to_parquet(source, index=False)
        self.parameters["source"] = str(source)

    def begin(self, stack: ExitStack) -> None:
        """Start what the engines need."""
        os.environ.update(
            PREFECT_HOME=str(self.scratch / "home"),
            PREFECT_LOGGING_TO_API_ENABLED="false",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            DO_NOT_TRACK="1",
            RAY_AUTH_MODE="disabled",
        )
        if {*ON_S3} & {*self.engines}:
            self.store = stack.enter_context(object_store(self.scratch))
        if TWO_WORKERS in self.engines:
            self.cluster = stack.enter_context(two_workers.cluster(self.scratch / "cluster"))
        if self.api or set(self.engines) == {TWO_WORKERS}:
            os.environ["PREFECT_API_URL"] = self.api or ""
        else:
            os.environ["PREFECT_API_URL"] = stack.enter_context(prefect_server(self.scratch))

    def run(self, engine: str, kill_at: str | None = None) -> Outcome:
        """Run the job once."""
        self.number += 1
        name = f"{self.number:03d}-{engine}-{kill_at or 'whole'}".replace(" ", "-")
        before = self._seconds_of_store()
        if engine == TWO_WORKERS:
            outcome = two_workers.run_on(self.cluster, self.parameters, name, kill_at, at_once=self.at_once)
        elif engine == THREADS_ON_S3:
            on_threads = local.run_on(THREADS, self.parameters, self.scratch / name, lake=new_bucket(name))
            outcome = replace(on_threads, engine=engine)
        else:
            outcome = local.run_on(engine, self.parameters, self.scratch / name, kill_at)
        outcome = replace(outcome, store=self._seconds_of_store() - before)
        print(name, outcome, file=sys.stderr)
        return outcome

    def _seconds_of_store(self) -> float:
        return self.store.seconds_worked() if self.store else 0.0


def _rows(count: int) -> pd.DataFrame:
    """Reviews, of as many models as there are: at least so many input files."""
    numbers = range(count)
    return pd.DataFrame(
        {
            "model": [MODELS[number % len(MODELS)] for number in numbers],
            "review": [f"Review {number}: it came late, and I like it all the same." for number in numbers],
        }
    )


def _problems(outcomes: list[Outcome], rows: int) -> Iterator[str]:
    digests = {outcome.digest for outcome in outcomes}
    if len(digests) > 1:
        yield f"The tables differ: {sorted(digests)}"
    for outcome in outcomes:
        if (outcome.rows, outcome.billed, outcome.twice) != (rows, rows, 0):
            yield f"NOT HELD: {outcome}"


def _print_speeds(speeds: list[Outcome], options: argparse.Namespace) -> None:
    if not speeds:
        return
    print(f"{options.rows:,} rows, {options.repeat} runs in turns, medians\n")
    heads = f"{'its start, s':>14}{'job with it, s':>16}{'over threads':>14}{'the store':>11}{'billed':>10}"
    print(f"{'engine':<14}{heads}   digest")
    for engine in options.engines:
        runs = _runs_of(engine, speeds)
        start, whole = (median(getattr(one, name) for one in runs) for name in ("start", "seconds"))
        start = 0.0 if engine in IN_ONE_PROCESS else start
        has_other = engine != THREADS and THREADS in options.engines
        told = f"{_over_threads(engine, speeds):+.1f}" if has_other else ""
        store = f"{median(one.store for one in runs):.1f}" if engine in ON_S3 else ""
        figures = f"{start:>14.1f}{whole:>16.1f}{told:>14}{store:>11}{runs[0].billed:>10,}"
        print(f"{engine:<14}{figures}   {runs[0].digest}")
    print("\nover threads: its seconds beside those on threads in the same turn, less the engine's start")
    print("the store: processor seconds of the object store, on the same two cores\n")


def _over_threads(engine: str, speeds: list[Outcome]) -> float:
    """So many seconds longer than on threads a job took in the same turn, but for the engine's start."""
    turns = zip(_runs_of(engine, speeds), _runs_of(THREADS, speeds), strict=False)
    return median(one.seconds - one.start - threads.seconds for one, threads in turns)


def _runs_of(engine: str, speeds: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in speeds if outcome.engine == engine]


def _print_kills(kills: dict[tuple[str, str], Outcome], options: argparse.Namespace) -> None:
    if not kills:
        return
    print(f"killed, {options.rows:,} rows\n")
    print(f"{'engine':<14}{'while':<10}{'rows lost':>10}{'billed twice':>14}{'seconds until done':>20}")
    for (engine, moment), end in kills.items():
        lost = options.rows - end.rows
        print(f"{engine:<14}{moment:<10}{lost:>10,}{end.twice:>14,}{end.after_kill or 0:>20.1f}")
    print()


if __name__ == "__main__":
    main()
