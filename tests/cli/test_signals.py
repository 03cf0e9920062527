"""A command that a signal ends: at once, with its own exit code; a server of its own ends by itself."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from prefect_openai_batch.blocks.servers.own_server import IDLE_VARIABLE
from prefect_openai_batch.emulator import BatchServer, RouteFault

from ..conftest import wait_until
from .support import options

pytestmark = pytest.mark.server

LONG_SECONDS = 60
"""Longer than any busy machine takes to end a process."""

BUSY = RouteFault(kind="http_error", route="GET */content", status=503, retry_after=LONG_SECONDS)
SILENT = RouteFault(kind="hang", route="GET */content", seconds=LONG_SECONDS)


@pytest.mark.parametrize(
    ("number", "fault", "exit_code"),
    [(signal.SIGTERM, BUSY, 143), (signal.SIGHUP, SILENT, 129)],
    ids=["SIGTERM in a pause", "SIGHUP while OpenAI is silent"],
)
def test_a_signal_ends_the_command_and_its_server_follows(
    environment: dict[str, str], reviews: Path, number: signal.Signals, fault: RouteFault, exit_code: int
) -> None:
    """As Ctrl-C does, whatever its threads wait for."""
    own = {name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
    command = [sys.executable, "-m", "prefect_openai_batch.cli", "run", reviews.name, *options()]
    with BatchServer() as server:
        server.fail(fault)
        own |= {
            "OPENAI_BASE_URL": server.base_url,
            "PREFECT_HOME": str(reviews.parent / "home"),
            IDLE_VARIABLE: "3",
        }
        with subprocess.Popen(command, env=own, cwd=reviews.parent, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: any(one["path"].endswith("/content") for one in server.requests()))
            started = psutil.Process(process.pid).children(recursive=True)
            process.send_signal(number)
            _, said = process.communicate(timeout=LONG_SECONDS / 2)
    _, left = psutil.wait_procs(started, timeout=LONG_SECONDS / 2)
    for one in left:
        one.kill()
    assert process.returncode == exit_code
    assert "the same command continues the job" in said
    assert started
    assert not left
