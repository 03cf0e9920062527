"""A Prefect server with our deployments and automations, a worker, and a receiver of webhooks."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.deployments.installation import install_automations

from ..prefect_server import free_port
from .programs import Program, run_program

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
POOL = "openai-batch"
SECRET = "whsec_dGhlIHNlY3JldCBvZiBhIGJlbmNobWFyaw=="


class Patient(httpx.HTTPTransport):
    """Asks again where the server is busy or away, as Prefect's own client does."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Make a request, for as long as a minute."""
        for _ in range(300):
            try:
                response = super().handle_request(request)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if response.status_code != 503:
                return response
            response.close()
            time.sleep(0.2)
        return super().handle_request(request)


@dataclass
class Stage:
    """What jobs run on.

    Attributes:
        folder: Holds the programs' folders and logs.
        environment: What Prefect's programs run in.
        api: Prefect's REST API.
        hooks: Where OpenAI's webhooks are received.
        server: Prefect's server.
        worker: A process worker.
        receiver: The receiver of webhooks.
    """

    folder: Path
    environment: dict[str, str]
    api: httpx.Client
    hooks: str
    server: Program
    worker: Program
    receiver: Program

    @property
    def database(self) -> Path:
        """Prefect's database."""
        return self.folder / "prefect" / "prefect.db"

    def install(self, times: Times) -> None:
        """Install our automations with these times."""
        with temporary_settings({PREFECT_API_URL: self.environment["PREFECT_API_URL"]}):
            install_automations(times)

    def start(self, parameters: dict[str, Any], environment: dict[str, str], entrypoint: str | None = None) -> str:
        """Start a run of the flow; its id.

        Args:
            parameters: The flow's parameters.
            environment: Variables of the run's process.
            entrypoint: Another flow than ours as it is.
        """
        found = self.api.get("/deployments/name/openai-batch/on-demand").raise_for_status().json()
        if entrypoint is not None:
            known = {name: found[name] for name in ("flow_id", "tags", "work_pool_name", "pull_steps")}
            wanted = {**known, "name": "other", "entrypoint": entrypoint}
            found = self.api.post("/deployments/", json=wanted).raise_for_status().json()
        begun = {
            "parameters": parameters,
            "job_variables": {"env": environment},
            "state": {"type": "SCHEDULED"},
        }
        run = self.api.post(f"/deployments/{found['id']}/create_flow_run", json=begun)
        return str(run.raise_for_status().json()["id"])

    def state(self, run_id: str) -> str:
        """The name of a run's state."""
        return str(self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state_name"])

    def message(self, run_id: str) -> str:
        """What a run's state says."""
        return str(self.api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]["message"])


@contextmanager
def staged(
    folder: Path,
    times: Times,
    openai: str | None = None,
    *,
    hooks: int | None = None,
    heartbeat: int = 30,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """A stage in a new folder.

    Args:
        folder: Where everything of it lies.
        times: How long our automations wait.
        openai: The base URL of the Batch API server that the receiver asks; None: there is no receiver.
        hooks: The receiver's port; None: any.
        heartbeat: How often runs give a sign of life, in seconds.
        variables: More of the programs' environment.
    """
    port, hooks = free_port(), hooks or free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **os.environ,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(heartbeat),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_WORKER_PREFETCH_SECONDS": "2",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OPENAI_BASE_URL": openai or "",
        "OPENAI_API_KEY": "any",
        "OPENAI_WEBHOOK_SECRET": SECRET,
        **(variables or {}),
    }
    prefect = str(BIN / "prefect")
    commands = {
        "server": [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        "worker": [prefect, "worker", "start", "--pool", POOL],
        "receiver": [str(BIN / "prefect-openai-batch"), "webhook", "--port", str(hooks)],
    }
    health = {"server": f"{url}/health", "receiver": f"http://127.0.0.1:{hooks}/health"}
    programs = {
        name: Program(command, environment, folder / f"{name}.log", health.get(name))
        for name, command in commands.items()
    }
    with ExitStack() as stack:
        stack.enter_context(run_program(programs["server"]))
        pool = ("work-pool create openai-batch --type process", "work-queue create wake -p openai-batch -q 1")
        for command in (*pool, "deploy --all --prefect-file"):
            more = [str(ROOT / "deployments" / "prefect.yaml")] if command.startswith("deploy") else []
            done = [prefect, "--no-prompt", *command.split(), *more]
            subprocess.run(done, env=environment, cwd=ROOT, check=True, capture_output=True)
        stack.enter_context(run_program(programs["worker"]))
        if openai:
            stack.enter_context(run_program(programs["receiver"]))
        api = stack.enter_context(httpx.Client(base_url=url, timeout=60, transport=Patient()))
        stage = Stage(folder, environment, api, f"http://127.0.0.1:{hooks}/", **programs)
        stage.install(times)
        yield stage
