"""Programs that are killed while a job waits, and started again."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Literal

from prefect_openai_batch.emulator import BatchServer

from .moments import Ended, Trial, make_server
from .programs import Program, await_true, processes_of
from .stage import Stage
from .times import TIMES

AWAY_SECONDS = 5.0
"""So long it takes a service manager to start a program again."""

Name = Literal["server", "worker", "process", "worker and process", "receiver"]


@dataclass(frozen=True)
class Kill:
    """What is killed, and where the job waits then."""

    what: Name
    wait: Literal["sensor", "suspend"]

    @property
    def name(self) -> str:
        """It as it stands in the table."""
        return f"{self.what}, {self.wait}"


KILLS: list[Kill] = [
    Kill("server", "suspend"),
    Kill("server", "sensor"),
    Kill("worker", "suspend"),
    Kill("worker", "sensor"),
    Kill("process", "sensor"),
    Kill("worker and process", "sensor"),
    Kill("receiver", "suspend"),
]


NO_LOOKS = replace(TIMES, looks=(3600.0, 3600.0, 3600.0))
"""Where the receiver is killed, no timer wakes the job before it."""


def try_kill(stage: Stage, kill: Kill, number: int, asked: BatchServer) -> Ended:
    """Kill it while a job waits, let the day pass, start it again, and wait for the end.

    `asked` is the server that the receiver asks, and that sends it webhooks.
    """
    folder = stage.folder / f"kill-{number}"
    received = kill.what == "receiver"
    with nullcontext(asked) if received else make_server(folder / "batch-server") as server:
        stage.install(NO_LOOKS if received else TIMES)
        trial = Trial(kill.name, stage, server, folder)
        trial.begin(kill.wait)
        waits = "Suspended" if kill.wait == "suspend" else "Running"
        await_true(lambda: stage.state(trial.run_id) == waits and trial.has_looked(), stage.worker.log.read_text())
        time.sleep(2)  # the look's answer is read, and the process gone where the run is suspended
        trial.step()
        programs = _kill(stage, kill.what, trial)
        trial.killed = True
        trial.advance()
        time.sleep(AWAY_SECONDS)
        for program in programs:
            program.start()
        while not trial.end:
            trial.step()
            server.advance(1)  # deliveries are repeated by the server's clock
            time.sleep(0.2)
        return trial.finished()


def _kill(stage: Stage, what: Name, trial: Trial) -> list[Program]:
    """Kill it; what is to be started again."""
    found = {"server": stage.server, "worker": stage.worker, "receiver": stage.receiver}
    programs = [program for name, program in found.items() if name in what]
    for program in programs:
        program.kill()
    if "process" in what:
        for process in processes_of(trial.run_id):
            process.kill()
    return programs
