"""One Prefect server for all starts."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch.tasks.remote.account import Account
from prefect_openai_batch.tasks.remote.paces import CREATIONS

START_SECONDS = 120

ONLOOKERS = ("EVENT_PERSISTER", "TASK_RUN_RECORDER", "TRIGGERS")
"""Services that are off: as they write, SQLite makes the API answer 503 at times, and its client waits long."""

OFF = {f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false" for service in ONLOOKERS}


@contextmanager
def prefect_server(scratch: Path, *, onlookers: bool = False) -> Iterator[str]:
    """The API's URL of a server that is started here, and ended after; `onlookers` leaves all its services on."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **os.environ,
        "PREFECT_API_URL": url,
        "PREFECT_HOME": str(scratch / "prefect-server"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        **({} if onlookers else OFF),
    }
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (scratch / "prefect-server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _await(url)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def set_pace(api: str, base_url: str, slots: int, a_second: float) -> None:
    """Let so many batches be created at once, and so many more each second; runs leave a limit as it is."""
    limit = GlobalConcurrencyLimitCreate(
        name=CREATIONS.name(Account(base_url + "/")), limit=slots, slot_decay_per_second=a_second
    )
    with temporary_settings({PREFECT_API_URL: api}), get_client(sync_client=True) as client:
        client.create_global_concurrency_limit(limit)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _await(url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health"):
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
