"""A Prefect server, a worker, a receiver of webhooks, and our Batch API server, for one job."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prefect_openai_batch.emulator import BatchFault, BatchServer, ServerSettings
from prefect_openai_batch.emulator.clock import Clock
from prefect_openai_batch.emulator.settings import Timing

from ..prefect_server import free_port, prefect_server

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
POOL = "openai-batch"
HOUR = 3600.0


@dataclass
class Stage:
    """What a job runs on.

    Attributes:
        folder: Holds the job's folders, its results, and the programs' logs.
        environment: What Prefect's programs run in.
        api: Prefect's REST API.
        server: Our Batch API server.
        begun: When its clock was started, in true Unix seconds.
        speed: How fast it runs.
    """

    folder: Path
    environment: dict[str, str]
    api: httpx.Client
    server: BatchServer
    begun: float
    speed: float

    @property
    def database(self) -> Path:
        """Prefect's database."""
        return self.folder / "prefect-server" / "prefect.db"

    def true_time(self, shown: float) -> float:
        """The true time when the server's clock shows this one."""
        return self.begun + (shown - self.begun) / self.speed


@contextmanager
def staged(folder: Path, batches: int, speed: float) -> Iterator[Stage]:
    """Everything that a job of so many batches runs on; they end one after the other, through a day."""
    begun = time.time()
    hooks = free_port()
    settings = ServerSettings(
        data=folder / "batch-server",
        speed=speed,
        timing=Timing(validating=60, running=HOUR, finalizing=60),
        webhook_url=f"http://127.0.0.1:{hooks}/",
    )
    with ExitStack() as stack:
        url = stack.enter_context(prefect_server(folder, onlookers=True))
        server = stack.enter_context(BatchServer(settings, clock=Clock(speed, begun)))
        server.fail(*(_slow(number, 22 * HOUR * number / batches) for number in range(1, batches + 1)))
        environment = {
            **os.environ,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_API_URL": url,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_WORKER_PREFETCH_SECONDS": "2",
            "PREFECT_CLI_PROMPT": "false",
            "DO_NOT_TRACK": "1",
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "benchmark",
            "OPENAI_WEBHOOK_SECRET": settings.webhook_secret,
            "DAY_BEGUN": str(begun),
            "DAY_SPEED": str(speed),
        }
        _do(environment, "prefect", "work-pool", "create", POOL, "--type", "process")
        _do(environment, "prefect", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml")
        receiver = ("prefect-openai-batch", "webhook", "--port", str(hooks), "--inbox", str(folder / "inbox.db"))
        stack.enter_context(_running(environment, folder / "webhook.log", *receiver))
        worker = ("prefect", "worker", "start", "--pool", POOL)
        stack.enter_context(_running(environment, folder / "worker.log", *worker))
        api = stack.enter_context(httpx.Client(base_url=url, timeout=30))
        yield Stage(folder, environment, api, server, begun, speed)


def start(stage: Stage, parameters: dict[str, Any]) -> str:
    """Start a run of the flow on the fast clock; its id."""
    known = stage.api.get("/deployments/name/openai-batch/on-demand").raise_for_status().json()
    wanted = {
        "name": "day",
        "flow_id": known["flow_id"],
        "entrypoint": "benchmarks.waits.day.openai_batch",
        "work_pool_name": POOL,
        "tags": known["tags"],
        "pull_steps": [],
    }
    deployment = stage.api.post("/deployments/", json=wanted).raise_for_status().json()["id"]
    begun = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    run = stage.api.post(f"/deployments/{deployment}/create_flow_run", json=begun)
    return str(run.raise_for_status().json()["id"])


def state(stage: Stage, run_id: str) -> str:
    """The name of a run's state."""
    return str(stage.api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state_name"])


def _slow(number: int, seconds: float) -> BatchFault:
    return BatchFault(kind="slow_finalizing", batches=(number,), seconds=seconds)


def _do(environment: dict[str, str], *command: str) -> None:
    subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)


@contextmanager
def _running(environment: dict[str, str], log: Path, *command: str) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait()
