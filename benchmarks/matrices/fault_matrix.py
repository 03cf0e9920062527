"""A job through the real flow under every fault of the local Batch API server, alone and in combinations.

Each run has a server of its own; all share one Prefect server. What a run must come to is said in
`tests/flows/faults/table.py`, how it is judged in `judgement.py` beside it. A run that exceeds its time is a hang:
its process is ended, and its stack printed.

    python -m benchmarks.matrices.fault_matrix [--runs 300] [--seed 0] [--only TEXT] [--processes 2]

`--runs` counts the combinations, which have the seeds from `--seed` on; `--only` keeps what bears this text or
kind of fault in its name. A single combination is repeated by `--runs 1 --seed N --only combined`.
"""

import argparse
import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Queue

from tests.flows.faults.cases import Case, alone, combined
from tests.flows.faults.runs import Finding, run_case
from tests.flows.faults.table import PATIENCE, PATIENCE_SECONDS

from ..prefect_server import prefect_server

LIMIT_SECONDS = 60.0

WIDTH = 50


def main() -> int:
    """Run the matrix and print its table; 1 where a run did not end as it must."""
    options = _options()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch, named_server(Path(scratch)):
        print(
            f"{'fault':<{WIDTH}} runs  as required  answered  billed twice  files left  seconds   end", flush=True
        )
        found = Results()
        for case, finding in run_all(list(cases(options)), Path(scratch), options.processes):
            found.add(case, finding)
    found.show_combinations()
    found.show_totals(time.monotonic() - begun)
    return 1 if found.failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=300, help="combinations to run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first combination")
    parser.add_argument("--only", default="", help="only what bears this text or kind of fault")
    parser.add_argument("--processes", type=int, default=2, help="runs at once")
    return parser.parse_args()


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """The cases that are asked for: each fault alone, then combinations."""
    chosen = [*alone(), *(combined(options.seed + number) for number in range(options.runs))]
    for case in chosen:
        words = [case.name, *(kind for entry in case.entries for kind in entry.kinds)]
        words += [] if case.alone else ["combined"]
        if any(options.only in word for word in words):
            yield case


def run_all(chosen: list[Case], scratch: Path, processes: int) -> Iterator[tuple[Case, Finding]]:
    """Run the cases, some at once; each finding comes in the order of the cases."""
    workers: Queue[Worker] = Queue()
    for number in range(processes):
        workers.put(Worker(scratch / f"worker-{number}"))

    def run(case: Case) -> Finding:
        worker = workers.get()
        try:
            return worker.run(case)
        finally:
            workers.put(worker)

    with ThreadPoolExecutor(processes) as pool:
        yield from zip(chosen, pool.map(run, chosen), strict=True)
    while not workers.empty():
        workers.get().stop()


class Worker:
    """A process that runs one case after another; it is ended where one hangs, and begun anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        folder.mkdir(parents=True)
        self._start()

    def run(self, case: Case) -> Finding:
        """Run one case."""
        self._number += 1
        self._pipe.send((case, self._folder / str(self._number)))
        try:
            if self._pipe.poll(LIMIT_SECONDS):
                finding: Finding = self._pipe.recv()
                return finding
        except EOFError:
            pass
        return self._broken()

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=serve, args=(end, self._folder / "stack"), daemon=True)
        self._process.start()
        end.close()

    def _broken(self) -> Finding:
        """A process that hangs or has died says where it was, and another takes its place."""
        alive = self._process.is_alive()
        if alive and self._process.pid:
            os.kill(self._process.pid, signal.SIGUSR1)
            time.sleep(1)
        self.stop()
        stack = (self._folder / "stack").read_text()
        self._start()
        return Finding("HANG" if alive else "DIED", seconds=LIMIT_SECONDS, problems=(f"no end\n{stack[-6000:]}",))


def serve(pipe: Connection, stack: Path) -> None:
    """What a worker's process does: run the cases that come, until the pipe closes."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect_openai_batch import OpenAICredentials

    with stack.open("w") as file, temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        faulthandler.register(signal.SIGUSR1, file, all_threads=True)
        OpenAICredentials(api_key="test", timeout_seconds=PATIENCE_SECONDS).save(PATIENCE, overwrite=True)
        while True:
            case, folder = pipe.recv()
            pipe.send(run_case(case, folder))


@contextmanager
def named_server(scratch: Path) -> Iterator[None]:
    """A Prefect server for all runs, which this process's environment names."""
    with prefect_server(scratch) as url:
        os.environ |= {
            "PREFECT_HOME": str(scratch / "prefect"),
            "PREFECT_API_URL": url,
            "PREFECT_CLIENT_MAX_RETRIES": "20",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        yield


@dataclass(frozen=True)
class Line:
    """A line of the table: some runs, summed."""

    name: str
    findings: tuple[Finding, ...]
    end: str = ""

    def __str__(self) -> str:
        found = self.findings
        well = sum(not finding.problems for finding in found)
        answered = sum(finding.answered for finding in found)
        twice, left = sum(one.billed_twice for one in found), sum(one.files_left for one in found)
        seconds = sum(one.seconds for one in found) / len(found)
        return (
            f"{self.name:<{WIDTH}} {len(found):>4}  {well:>11}  {answered:>8}  {twice:>12}  {left:>10}"
            f"  {seconds:>7.1f}   {self.end}"
        )


class Results:
    """What the runs came to."""

    def __init__(self) -> None:
        self.found: list[tuple[Case, Finding]] = []

    @property
    def failures(self) -> list[tuple[Case, Finding]]:
        """The runs that did not end as they must."""
        return [(case, finding) for case, finding in self.found if finding.problems]

    def add(self, case: Case, finding: Finding) -> None:
        """Note a run; one alone is a line of the table, and what is wrong is told at once."""
        self.found.append((case, finding))
        if case.alone:
            print(Line(case.name, (finding,), str(case.entries[0].end)), flush=True)
        for problem in finding.problems:
            print(f"  !! {_named(case)}: {problem}", flush=True)

    def show_combinations(self) -> None:
        """The runs with several faults: by how many there were, then by each fault."""
        several = [(case, finding) for case, finding in self.found if not case.alone]
        if not several:
            return
        print("\nin combinations: rows that need more rounds than there are may be left with their reason")
        for number in sorted({len(case.entries) for case, _ in several}):
            _show(f"{number} faults", [one for case, one in several if len(case.entries) == number])
        for name in sorted({entry.name for case, _ in several for entry in case.entries}):
            bearing = [one for case, one in several if name in [entry.name for entry in case.entries]]
            _show(f"  with {name}", bearing)

    def show_totals(self, seconds: float) -> None:
        """How many runs there were, how they ended, and how to repeat those that failed."""
        hangs = sum(finding.end == "HANG" for _, finding in self.found)
        runs, failures = len(self.found), len(self.failures)
        print(f"\n{runs} runs, {failures} not as required, {hangs} hangs, {seconds / 60:.1f} min")
        for case, finding in self.failures:
            print(f"  {_named(case)}: {finding.end}")
            print(f"    again: python -m benchmarks.matrices.fault_matrix {_again(case)}")


def _show(name: str, findings: list[Finding]) -> None:
    print(Line(name, tuple(findings)))


def _named(case: Case) -> str:
    return case.name if case.alone else f"seed {case.seed} ({case.name})"


def _again(case: Case) -> str:
    return f'--runs 0 --only "{case.name}"' if case.alone else f"--runs 1 --seed {case.seed} --only combined"


if __name__ == "__main__":
    sys.exit(main())
