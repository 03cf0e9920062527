"""A Prefect server on which nothing is deployed yet, and the command line in this process."""

from collections.abc import Iterator

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from ...cli.support import Shell
from ...conftest import BIN, free_port, running, wait_until
from ..conftest import Patient


@pytest.fixture(scope="module")
def fresh_environment(
    prefect_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The environment of Prefect's programs, with another home and another server."""
    url = f"http://127.0.0.1:{free_port()}/api"
    home = str(tmp_path_factory.mktemp("fresh"))
    return {**prefect_environment, "PREFECT_HOME": home, "PREFECT_API_URL": url}


@pytest.fixture(scope="module")
def fresh_api(
    fresh_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    """The REST API of a real server that nobody has used."""
    url = fresh_environment["PREFECT_API_URL"]
    port = url.split(":")[2].split("/")[0]
    log = tmp_path_factory.mktemp("log") / "server.log"
    command = [str(BIN / "prefect"), "server", "start", "--host", "127.0.0.1", "--port", port]
    with (
        running(command, fresh_environment, log),
        httpx.Client(base_url=url, timeout=None, transport=Patient()) as client,
        temporary_settings({PREFECT_API_URL: url}),
    ):
        wait_until(lambda: _is_up(client), log.read_text)
        yield client


@pytest.fixture
def fresh_shell(
    fresh_api: httpx.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """The command line in this process, for that server."""
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "CRITICAL")
    return Shell(capsys)


def _is_up(client: httpx.Client) -> bool:
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False
