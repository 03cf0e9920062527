"""The process that works on large files."""

import os
import signal

import pytest
from prefect_openai_batch.emulator.engine.worker import Worker


def test_it_calls_functions_elsewhere() -> None:
    """In another process, the same one each time; what a function raises comes back."""
    worker = Worker()
    first = worker.call(os.getpid)
    assert first == worker.call(os.getpid) != os.getpid()
    with pytest.raises(FileNotFoundError):
        worker.call(os.stat, "/nowhere")
    assert worker.call(os.path.join, "a", "b") == "a/b"
    worker.stop()
    worker.stop()


def test_its_death_is_an_error_and_then_there_is_another() -> None:
    """A killed process costs one call."""
    worker = Worker()
    first = worker.call(os.getpid)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="gone"):
        worker.call(os.getpid)
    assert worker.call(os.getpid) != first
    worker.stop()
