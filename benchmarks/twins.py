"""Two processes submit the same job at the same moment, again and again.

With a shared job folder there is one creation, always. Without one, two batches may be created; the younger is
cancelled, and while the list lags less than validation takes, none of its items has run by then.
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
from prefect_openai_batch import ChatRequest, open_job, plan_round
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.emulator import BatchServer, RouteFault, Timing
from prefect_openai_batch.tasks.adopt import adopt
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection

ROWS = 20
SETTLE_SECONDS = 10.0


@dataclass(frozen=True)
class Setting:
    """Whether the two share a folder, how long the list lags, and how long validation takes, in seconds."""

    shared: bool
    lag: float
    validating: float

    @property
    def must_hold(self) -> bool:
        """Whether nothing may be billed twice."""
        return self.shared or self.lag < self.validating


SETTINGS = [
    Setting(shared=True, lag=0.3, validating=0.1),
    Setting(shared=False, lag=0.0, validating=1.0),
    Setting(shared=False, lag=0.3, validating=1.0),
    Setting(shared=False, lag=1.0, validating=0.3),
]


def main() -> int:
    """Run every setting and print a table; the exit code says whether all held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=100)
    tries = parser.parse_args().tries
    print("folder     lag  validation  tries  created  surviving  billed twice  held", flush=True)
    held = [run_setting(setting, tries) for setting in SETTINGS]
    return 0 if all(held) else 1


def run_setting(setting: Setting, tries: int) -> bool:
    """All tries of one setting, on a server of its own; prints a line."""
    timing = Timing(validating=setting.validating, running=0.2, finalizing=0.1, cancelling=0.2)
    with TemporaryDirectory() as folder, BatchServer(timing=timing) as server:
        rows = "".join(f"review {number}\n" for number in range(ROWS))
        (Path(folder) / "rows.csv").write_text(f"review\n{rows}")
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
    once = len(batches) == tries if setting.shared else True
    held = (one_each and once and twice == 0) if setting.must_hold else True
    kind = "shared" if setting.shared else "own"
    verdict = ("yes" if held else "NO") if setting.must_hold else "cannot"
    print(
        f"{kind:<8}{setting.lag:>5g}s{setting.validating:>11g}s{tries:>7}{len(batches):>9}"
        f"{sum(survivors.values()):>11}{twice:>14}  {verdict}",
        flush=True,
    )
    return held


class TwoProcesses:
    """Two processes that wait for each other before each submission."""

    def __init__(self, base_url: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._tries: list[Any] = [context.SimpleQueue() for _ in range(2)]
        self._done = context.SimpleQueue()
        self._barrier = context.Barrier(2, timeout=30)  # kept: it is gone for the processes when it is for us
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
    """A process: submit each job that is asked for, as the flow's tasks do."""
    with openai.OpenAI(base_url=base_url, api_key="test") as client:
        while (asked := tries.get()) is not None:
            try:
                key, storage = asked
                submit(Connection(client), key, storage, barrier)
                done.put("")
            except Exception as error:
                done.put(repr(error))


def submit(connection: Connection, key: str, storage: str, barrier: Any) -> None:
    """Build a job, then look and create at the same moment as the other process."""
    source = Path(storage).parent / "rows.csv"
    request = ChatRequest(model="gpt-5-mini", prompt=f"{key} {{{{ review }}}}")
    job = open_job(str(source), request, job_key=key, storage=storage)
    if job.rows() is None:
        keep_rows(job)
    files = [file for selection in plan_round(job) for file in build_selection(job, selection)]
    barrier.wait()
    adopt(connection, job, files)
    for file in files:
        find_or_create(connection, file, SETTLE_SECONDS)


def until_ended(server: BatchServer) -> None:
    """Wait until no batch of the server is open."""
    while any(batch["status"] not in ("completed", "cancelled") for batch in server.state()["batches"]):
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
