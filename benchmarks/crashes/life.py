"""One start of the job: a process that is forked from one that has imported everything."""

import json
import logging
import os
import sys
import tempfile
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from .points import Point
from .watch import Watch, read_changes

PRELOADED = [
    "benchmarks.crashes.trial",
    "fastapi",
    "openai.resources",
    "prefect.flow_engine",
    "prefect.task_engine",
    "prefect_openai_batch.flows.job",
    "pyarrow.dataset",
    "truststore",
]
"""What the process that is forked has imported: a start costs a third of a second then, and not five."""

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(PRELOADED)


@dataclass(frozen=True)
class Start:
    """How the job is started.

    Attributes:
        folder: Where its record, its log and its end are noted.
        environment: Variables of the process.
        parameters: The flow's parameters.
        watched: The folders whose changes are points, by their names.
        kill_at: The change to a file at which it kills itself, if any.
    """

    folder: Path
    environment: dict[str, str]
    parameters: dict[str, Any]
    watched: dict[str, Path] = field(default_factory=dict)
    kill_at: Point | None = None

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The changes to files that it has begun."""
        return read_changes(self.folder / "changes.jsonl")

    @property
    def end(self) -> dict[str, str] | None:
        """The flow run's state, error and message; None where the process has died before."""
        path = self.folder / "end.json"
        return json.loads(path.read_text()) if path.exists() else None

    @property
    def log(self) -> str:
        """What it has said."""
        path = self.folder / "log.txt"
        return path.read_text() if path.exists() else ""


class Life:
    """A start of the job that runs."""

    def __init__(self, start: Start) -> None:
        start.folder.mkdir(parents=True)
        self._process = _FORKS.Process(target=live, args=(start,), daemon=True)
        self._process.start()

    def goes_on(self, seconds: float) -> bool:
        """Wait for its end, but no longer than this; whether it is still there."""
        return not wait([self._process.sentinel], seconds)

    def kill(self) -> None:
        """Kill it, as `kill -9` does, and see it gone."""
        self._process.kill()
        self._process.join()


def live(start: Start) -> None:
    """Run the flow in this process, and note how it has ended."""
    os.environ.update(start.environment)
    tempfile.tempdir = str(start.folder)
    _say_into(start.folder / "log.txt")
    from prefect.context import refresh_global_settings_context
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect_openai_batch.flows.job import openai_batch

    refresh_global_settings_context()
    sys.addaudithook(Watch(start.folder / "changes.jsonl", start.watched, start.kill_at))
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        state = openai_batch(**start.parameters, return_state=True)
    error = state.result(raise_on_failure=False) if not state.is_completed() else ""
    end = {"state": state.name, "type": state.type.value, "error": type(error).__name__, "message": str(error)}
    written = start.folder / "end.json.new"
    written.write_text(json.dumps(end))
    written.replace(start.folder / "end.json")
    logging.shutdown()
    os._exit(0)


def _say_into(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
