"""A real server with our deployments, as a person uses them."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.emulator import BatchServer

from ..conftest import ROOT


class Patient(httpx.HTTPTransport):
    """Asks again where SQLite is busy and Prefect's server answers 503, as Prefect's own client does."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(50):
            response = super().handle_request(request)
            if response.status_code != 503:
                break
            response.close()
            time.sleep(0.2)
        return response


@pytest.fixture(scope="session")
def api(prefect_server: str) -> Iterator[httpx.Client]:
    """Prefect's REST API, as the UI uses it; while many runs start at once, SQLite lets a call wait long."""
    with httpx.Client(base_url=prefect_server, timeout=120, transport=Patient()) as client:
        yield client


@pytest.fixture(scope="session")
def deployed(work_pool: str, prefect_environment: dict[str, str]) -> dict[str, Any]:
    """Our deployments, by the documented command; the content of the file."""
    command = ["prefect", "--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml"]
    done = subprocess.run(command, cwd=ROOT, env=prefect_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    content: dict[str, Any] = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())
    return content


@pytest.fixture
def still_server(tmp_path: Path, prefect_server: str) -> Iterator[BatchServer]:
    """A server whose clock stands still; the credentials block `cancellation` names it."""
    with BatchServer(data=tmp_path / "server", speed=0) as running:
        OpenAICredentials(api_key="test", base_url=running.base_url).save("cancellation", overwrite=True)
        yield running
