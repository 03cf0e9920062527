"""Programs that are started, killed and started again, as a service manager does."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil

PATIENCE_SECONDS = 600.0


class Program:
    """A program and its log.

    Args:
        command: What is run.
        environment: Its environment.
        log: Where its output goes; a new start writes on.
        health: A URL that answers once it is there; None: it is there at once.
    """

    def __init__(
        self, command: list[str], environment: dict[str, str], log: Path, health: str | None = None
    ) -> None:
        self.command = command
        self.environment = environment
        self.log = log
        self.health = health
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it is there."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        if self.health is not None:
            url = self.health
            await_true(lambda: _answers(url), f"{self.command} does not start: {self.log.read_text()[-2000:]}")

    def seconds_worked(self) -> float:
        """Processor seconds that it has taken by now, without those of processes that it has started."""
        assert self.process is not None, "it was started"
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def kill(self) -> None:
        """Kill it, as `kill -9` does; the processes that it has started live on."""
        assert self.process is not None, "it was started"
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End it and everything that it has started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def run_program(program: Program) -> Iterator[Program]:
    """Run a program while the block runs."""
    program.start()
    try:
        yield program
    finally:
        program.end()


def await_true(holds: Callable[[], bool], otherwise: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until something holds.

    Raises:
        SystemExit: it does not in time; `otherwise` says what that means.
    """
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise SystemExit(otherwise)
        time.sleep(0.1)


def processes_of(run_id: str) -> list[psutil.Process]:
    """The processes of a flow run, by the process table."""
    wanted, found = run_id.replace("-", ""), []
    for process in psutil.process_iter():
        with suppress(psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            if process.environ().get("PREFECT__FLOW_RUN_ID", "").replace("-", "") == wanted:
                found.append(process)
    return found


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False
