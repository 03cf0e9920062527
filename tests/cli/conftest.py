"""A person's shell with our server for OpenAI, and the command line in this process where no other is needed."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect_openai_batch.emulator import BatchServer

from .support import Shell

QUIET = ("", "prefect", "prefect.flow_runs", "prefect.task_runs")
"""Loggers that say nothing in a process that is a command."""


@pytest.fixture
def environment(
    prefect_server: str, prefect_environment: dict[str, str], batch_server: BatchServer
) -> dict[str, str]:
    """The environment of a person's shell, with our server for OpenAI."""
    return {**prefect_environment, "OPENAI_BASE_URL": batch_server.base_url, "OPENAI_API_KEY": "test"}


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("number,review\n" + "".join(f"{number:03},I like it {number}.\n" for number in range(20)))
    return path


@pytest.fixture
def shell(
    prefect_server: str,
    batch_server: BatchServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    """The command line in this process, called in a folder of its own; the logs' levels are put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "CRITICAL")
    loggers = [logging.getLogger(name) for name in QUIET]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    yield Shell(capsys)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
