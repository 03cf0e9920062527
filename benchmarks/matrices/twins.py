"""Starts of one job on two machines: what is billed twice.

Without a shared folder, on a driven clock, for how long OpenAI's list lags and how long validation takes: the two
look for each other's batch, and one gives way. Where the list shows both before either runs, nothing may be billed
twice. Then two real processes at the same moment, again and again, with a shared folder and without.

    python -m benchmarks.matrices.twins [--tries 10]
"""

import argparse
import multiprocessing
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openai
from prefect_openai_batch.emulator import BatchServer, RouteFault, Timing
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.twins import settle

from tests.tasks.races import ROWS, Race, billed_twice, build_job, lagging_server, write_rows

SECONDS = (0, 1, 5, 10, 20, 30, 45, 60, 75, 90)
"""How long the list lags, and how long validation takes, in the tables."""

RACES = (
    Race("two starts at the same moment"),
    Race("the second start 7 s later, the first killed after its creation", head_start=7.0, first_dies=True),
)


def show_race(race: Race) -> bool:
    """Print the table of a race; whether nothing is billed twice where the list shows both before either runs."""
    print(f"{race.name}: items of {ROWS} that are billed twice", flush=True)
    print(f"{'lag':>6}  validation " + "".join(f"{seconds:>5} s" for seconds in SECONDS), flush=True)
    found: dict[tuple[int, int], int] = {}
    with TemporaryDirectory() as folder:
        for validating in SECONDS:
            with lagging_server(validating) as server:
                for lag in SECONDS:
                    place = Path(folder) / f"race-{validating}-{lag}"
                    found[lag, validating] = billed_twice(server, race, lag, place)
    for lag in SECONDS:
        cells = "".join(f"{found[lag, validating]:>7}" for validating in SECONDS)
        print(f"{lag:>4} s             {cells}", flush=True)
    held = not any(twice for (lag, validating), twice in found.items() if race.head_start + lag < validating)
    print(f"0 wherever the list shows both before either runs: {'yes' if held else 'NO'}\n", flush=True)
    return held


@dataclass(frozen=True)
class Setting:
    """Two real processes: whether they share a folder, how long the list lags, how long validation takes."""

    shared: bool
    lag: float
    validating: float


SETTINGS = [
    Setting(shared=True, lag=0.3, validating=0.1),
    Setting(shared=False, lag=0.0, validating=2.0),
    Setting(shared=False, lag=0.5, validating=2.0),
]


def run_setting(setting: Setting, tries: int) -> bool:
    """All tries of one setting, on a server of its own; prints a line, and says whether it held."""
    timing = Timing(validating=setting.validating, running=0.2, finalizing=0.1, cancelling=0.2)
    with TemporaryDirectory() as folder, BatchServer(timing=timing) as server:
        write_rows(Path(folder))
        server.fail(RouteFault(kind="lag", route="GET */batches", seconds=setting.lag))
        with TwoProcesses(server.base_url) as two:
            for number in range(tries):
                two.submit(f"try-{number}", Path(folder), shared=setting.shared)
        until_ended(server)
        batches = server.state()["batches"]
        survivors: dict[str, int] = {}
        for batch in batches:
            key = batch["metadata"]["job_key"]
            survivors[key] = survivors.get(key, 0) + (batch["status"] == "completed")
        twice = len(server.bill()["billed_more_than_once"])
    one_each = set(survivors.values()) == {1} and len(survivors) == tries
    held = one_each and twice == 0 and (not setting.shared or len(batches) == tries)
    print(
        f"{'shared' if setting.shared else 'own':<8}{setting.lag:>5g}s{setting.validating:>11g}s{tries:>7}"
        f"{len(batches):>9}{sum(survivors.values()):>11}{twice:>14}  {'yes' if held else 'NO'}",
        flush=True,
    )
    return held


class TwoProcesses:
    """Two processes that wait for each other before each submission."""

    def __init__(self, base_url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._tries: list[Any] = [context.SimpleQueue() for _ in range(2)]
        self._done = context.SimpleQueue()
        self._barrier = context.Barrier(2, timeout=60)  # kept: it is gone for the processes when it is for us
        self._processes = [
            context.Process(target=submit_all, args=(base_url, queue, self._done, self._barrier))
            for queue in self._tries
        ]

    def __enter__(self) -> "TwoProcesses":
        for process in self._processes:
            process.start()
        return self

    def __exit__(self, *_: object) -> None:
        for queue, process in zip(self._tries, self._processes, strict=True):
            queue.put(None)
            process.join()

    def submit(self, key: str, folder: Path, *, shared: bool) -> None:
        """Let both submit the job of this key, and wait for both."""
        for number, queue in enumerate(self._tries):
            queue.put((key, str(folder / ("both" if shared else str(number)))))
        errors = [error for _ in self._tries if (error := self._done.get())]
        if errors:
            raise RuntimeError(errors[0])


def submit_all(base_url: str, tries: Any, done: Any, barrier: Any) -> None:
    """A process: submit each job that is asked for, and settle on a batch of it."""
    with openai.OpenAI(base_url=base_url, api_key="test") as client:
        connection = Connection(client)
        while (asked := tries.get()) is not None:
            try:
                key, storage = asked
                files = build_job(connection, key, Path(storage))
                barrier.wait()
                settle(connection, [find_or_create(connection, file, 10.0) for file in files])
                done.put("")
            except Exception as error:
                done.put(repr(error))


def until_ended(server: BatchServer) -> None:
    """Wait until no batch of the server is open."""
    while any(batch["status"] not in ("completed", "cancelled") for batch in server.state()["batches"]):
        time.sleep(0.1)


def main() -> int:
    """Print all tables; the exit code says whether all held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=10)
    tries = parser.parse_args().tries
    held = [show_race(race) for race in RACES]
    print("two processes at the same moment", flush=True)
    print("folder     lag  validation  tries  created  surviving  billed twice  held", flush=True)
    held += [run_setting(setting, tries) for setting in SETTINGS]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
