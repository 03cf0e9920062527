"""A job on an engine of this machine, whole or with one of the engine's processes killed."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from prefect_openai_batch.emulator import BatchServer

from .moments import FAULTS, await_moment
from .outcome import Outcome, read_outcome

RAY_WORKERS = ("ray::IDLE", "ray::build", "ray::fetch", "ray::prepare")
"""How the processes are called in which Ray runs tasks; its agents are called otherwise."""

STANDS_STILL_SECONDS = 300.0
"""Who has not ended by then after a kill stands still."""


def run_on(
    engine: str, parameters: dict[str, Any], folder: Path, kill_at: str | None = None, lake: str | None = None
) -> Outcome:
    """Run the job on an engine, in a process of its own.

    Args:
        engine: One of `RUNNERS`.
        parameters: The flow's, without destination and storage.
        folder: A new folder for them, for the server's files and for the log.
        kill_at: The moment at which a process of the engine is killed; None: none is.
        lake: A new folder's URL for the job and its table; None: they lie in `folder`, on disk.
    """
    folder.mkdir(parents=True)
    place = lake or str(folder)
    destination, storage = f"{place}/answers.parquet", f"{place}/jobs"
    given = {**parameters, "destination": destination, "storage": storage, "measure_start": not kill_at}
    (folder / "parameters.json").write_text(json.dumps(given))
    with BatchServer(data=folder / "server") as server, (folder / "log.txt").open("w") as log:
        server.fail(*FAULTS[kill_at] if kill_at else [])
        environment = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any"}
        command = [sys.executable, "-m", "benchmarks.clusters.job", engine, str(folder / "parameters.json")]
        job = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        killed_at = time.monotonic()
        if kill_at:
            await_moment(kill_at, server, storage, lambda: job.poll() is None)
            _kill_one(engine, job.pid)
            killed_at = time.monotonic()
        said = _end_of(job)
        after = time.monotonic() - killed_at
        taken = json.loads(said.splitlines()[-1]) if job.returncode == 0 else {}
        return read_outcome(engine, server, destination, taken, after if kill_at else None)


def _end_of(job: subprocess.Popen[str]) -> str:
    """What it has said; where it stands still it is killed."""
    with suppress(subprocess.TimeoutExpired):
        return job.communicate(timeout=STANDS_STILL_SECONDS)[0]
    for process in psutil.Process(job.pid).children(recursive=True):
        process.kill()
    job.kill()
    return job.communicate()[0]


def _kill_one(engine: str, job: int) -> None:
    """Kill that process of an engine which has worked most, as soon as there is one."""
    while not (found := [one for one in psutil.Process(job).children(recursive=True) if _runs_tasks(engine, one)]):
        time.sleep(0.01)
    max(found, key=_seconds_worked).kill()


def _runs_tasks(engine: str, process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        command = " ".join(process.cmdline())
        return command.startswith(RAY_WORKERS) if engine == "ray" else "spawn_main" in command
    return False


def _seconds_worked(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.cpu_times().user)
    return 0.0
