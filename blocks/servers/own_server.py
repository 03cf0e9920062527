"""A server of Prefect's where none is named: started once, and kept for what comes next."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from urllib.request import getproxies

import httpx
import prefect
from filelock import FileLock
from prefect.settings import PREFECT_API_URL, Settings, get_current_settings, temporary_settings

from ...batch.clock import every
from ...batch.errors import OpenAIBatchError
from .kept_server import WHO

LOG = "openai-batch-server.log"
"""The file in PREFECT_HOME that takes what the server prints."""

IDLE_VARIABLE = "OPENAI_BATCH_SERVER_IDLE_SECONDS"
"""The environment variable that says how many seconds the server stays when nobody asks it."""

IDLE_SECONDS = 900.0

LOCK = "openai-batch-server.lock"
"""The file in PREFECT_HOME that one process at a time holds while it looks for a server or starts one."""

START_SECONDS = 300
"""So long its start is waited for, unless Prefect's settings give it longer: a busy machine needs minutes."""

HEALTH_SECONDS = 5.0

LOOPBACK = "127.0.0.1"
"""Where it listens."""

ASKED_SECONDS = 10.0
"""Whoever uses a server asks it so often that it stays."""

STARTING = (
    "starting Prefect's own server, which stays a while for the next command; the first time it makes its "
    "database, which takes minutes on a busy machine …"
)
"""What is told where one is started that stays."""

log = logging.getLogger(__name__)

_started: list[subprocess.Popen[bytes]] = []
"""The servers that this process has started: they live on without it."""


def needs_own_server(settings: Settings | None = None) -> bool:
    """Whether no server is named, so that Prefect would start a temporary one."""
    settings = settings or get_current_settings()
    return not settings.api.url and settings.server.ephemeral.enabled


@contextmanager
def own_server(
    *,
    throwaway: bool = False,
    meanwhile: Callable[[], object] = bool,
    tell: Callable[[str], object] = log.warning,
) -> Iterator[None]:
    """Let Prefect be asked in the block: where no server is named, at one that is found running or started.

    It listens on this machine only, keeps everything in PREFECT_HOME as Prefect's temporary server does, and stays
    for the next block in any process until nobody has asked it for 15 minutes.

    Args:
        throwaway: The home is new and of no further use: the server ends with the block.
        meanwhile: What there is to do while it starts.
        tell: Is told that one is started that stays.

    Raises:
        OpenAIBatchError: it did not start.
    """
    if not needs_own_server():
        yield
        return
    process = None
    try:
        with _alone():
            if find_server() is None:
                if not throwaway:
                    tell(STARTING)
                process = start_server(throwaway=throwaway)
            meanwhile()
            url = await_server(process)
        pause = min(_idle_seconds() / 5, ASKED_SECONDS)
        with temporary_settings({PREFECT_API_URL: url}), _named_to_programs(url), every(pause, partial(_ask, url)):
            yield
    finally:
        if process is not None and throwaway:
            process.terminate()
            process.wait()
            _record().unlink(missing_ok=True)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process of a home at a time look for a server and start one: two would make one database at once.

    Raises:
        OpenAIBatchError: the home cannot be written.
    """
    home = get_current_settings().home
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = FileLock(home / LOCK)
        lock.acquire(timeout=START_SECONDS)
    except OSError as error:  # a lock that is held for too long is one, too
        raise OpenAIBatchError(
            f"Prefect keeps its data in {home}, which cannot be used: {error.strerror or error}. Name another "
            "folder by PREFECT_HOME, or a server by PREFECT_API_URL."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _named_to_programs(url: str) -> Iterator[None]:
    """Let programs that are started in the block, as an engine's processes, ask the same server, by no proxy.

    A proxy that the environment names knows nothing of this machine, and Prefect asks it all the same.
    """
    variables = {PREFECT_API_URL.name: url, **_beyond_proxies()}
    before = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ |= {} if value is None else {name: value}


def _beyond_proxies() -> dict[str, str]:
    """The variables by which no proxy stands before this machine; Python prefers the one in small letters."""
    known = getproxies().get("no", "")
    hosts = known if known == "*" else ",".join(filter(None, (known, LOOPBACK)))
    return dict.fromkeys(("NO_PROXY", "no_proxy"), hosts)


def _ask(url: str) -> None:
    """Let the server know that somebody uses it, who may wait for something else for long."""
    with suppress(httpx.HTTPError):
        httpx.get(f"{url}/health", timeout=HEALTH_SECONDS, trust_env=False)


def _idle_seconds() -> float:
    return float(os.environ.get(IDLE_VARIABLE, IDLE_SECONDS))


def find_server() -> str | None:
    """The URL of the API of this home's server, where it runs."""
    try:
        url = str(json.loads(_record().read_text())["url"])
        said = httpx.get(f"{url.removesuffix('/api')}{WHO}", timeout=HEALTH_SECONDS, trust_env=False)
    except (OSError, ValueError, LookupError, TypeError, httpx.HTTPError, httpx.InvalidURL):
        return None
    return url if said.is_success and said.text == str(_record()) else None


def start_server(*, throwaway: bool = False) -> subprocess.Popen[bytes]:
    """Start a server as a program of its own, which a signal to this one does not reach; it is not waited for."""
    settings = get_current_settings()
    program = [sys.executable, "-P", str(Path(__file__).with_name("kept_server.py")), str(_record())]
    options = ["--idle-seconds", str(_idle_seconds())]
    environment = {
        **os.environ,
        **settings.to_environment_variables(exclude_unset=True),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",  # it fails on a new database, with a hundred lines
    }
    if throwaway:
        options.append("--new-database")
        environment |= {
            "PREFECT_API_DATABASE_MIGRATE_ON_START": "false",
            "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        }
    with (settings.home / LOG).open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # our own program
            program + options,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started.append(process)
    return process


def await_server(process: subprocess.Popen[bytes] | None) -> str:
    """Wait until a server answers; the URL of its API.

    Args:
        process: The server that was started; None where one was found running.

    Raises:
        OpenAIBatchError: it ended, or does not answer in time.
    """
    settings = get_current_settings()
    until = time.monotonic() + max(START_SECONDS, settings.server.ephemeral.startup_timeout_seconds)
    while (url := find_server()) is None:
        ended = process is None or process.poll() is not None
        if ended or time.monotonic() > until:
            raise OpenAIBatchError(
                f"Prefect's own server did not start{'' if ended else ' in time'}. What it said is in "
                f"{settings.home / LOG}. Try again, or start one with `prefect server start` and name it by "
                "PREFECT_API_URL."
            )
        time.sleep(0.05)
    return url


def _record() -> Path:
    """The file that tells of this home's server; another database, or another Prefect, has another server."""
    settings = get_current_settings()
    database = settings.server.database.connection_url
    named = json.dumps([prefect.__version__, database.get_secret_value() if database else None])
    return settings.home / f"openai-batch-server-{sha256(named.encode()).hexdigest()[:12]}.json"
