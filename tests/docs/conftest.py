"""Where a page is read: a folder with its tables, a Batch API server, and a Prefect server of the pages' own."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_HOME, temporary_settings
from prefect_openai_batch.emulator import BatchServer, Timing

from ..conftest import ROOT, free_port, serving_prefect
from . import shell

QUIET = ("", "prefect", "prefect.flow_runs", "prefect.task_runs")
"""Loggers that say nothing in a process that is a command."""


@pytest.fixture(scope="package")
def own_prefect(prefect_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with our deployments, which no other test looks at: pages deploy, install and start."""
    home = tmp_path_factory.mktemp("pages")
    own = {"PREFECT_HOME": str(home), "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api"}
    environment = {**prefect_environment, **own}
    with serving_prefect(environment, home / "server.log") as url:
        shell.run(["prefect-openai-batch", "deploy"])
        yield url


@pytest.fixture
def workplace(own_prefect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the shipped tables, a home for Prefect, and a Batch API server that is done at once."""
    before = {**os.environ}
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copytree(ROOT / "examples", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    levels = {name: logging.getLogger(name).level for name in QUIET}
    at_once = Timing(validating=0, running=0, finalizing=0, cancelling=0)
    with BatchServer(timing=at_once) as server, temporary_settings({PREFECT_HOME: tmp_path / "home"}):
        os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "test", "PWD": str(tmp_path)}
        os.environ["BATCH_ALARM_URL"] = f"{server.url}/"
        yield tmp_path
    os.environ.clear()
    os.environ |= before
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
