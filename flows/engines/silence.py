"""A task of which an engine lets nothing be heard: it may be at work, or have no worker that can run it."""

from collections.abc import Iterator
from concurrent.futures import Future as ConcurrentFuture
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from threading import Event, Thread
from typing import Any

from prefect import get_run_logger
from prefect.futures import PrefectFuture

SILENT_SECONDS = 30.0
"""Of a task that is waited for so long the log tells, and again each time that this has doubled."""

WAITS = "%s has not ended after %.0f s: it is at work, or no worker of the flow's engine can run it"


@contextmanager
def told_where_silent(future: PrefectFuture[Any], name: str) -> Iterator[None]:
    """Let the log tell of a task that the block waits for long; this machine's threads and processes are there."""
    if isinstance(getattr(future, "wrapped_future", None), ConcurrentFuture):
        yield
        return
    over = Event()
    tell = partial(copy_context().run, _tell, name, over)  # the run, whose log it is, and Prefect's settings
    Thread(target=tell, name="silence", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _tell(name: str, over: Event) -> None:
    waited, pause = 0.0, SILENT_SECONDS
    while not over.wait(pause):
        waited += pause
        get_run_logger().info(WAITS, name, waited)
        pause = waited
