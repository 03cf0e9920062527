"""What time it is, and what is done now and then. Ask `clock.now()` by that name: tests drive it."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

log = logging.getLogger(__name__)

now = time.time
"""The time in Unix seconds."""


@contextmanager
def every(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Act again and again while the block runs, in a thread; true seconds, also where tests drive the clock.

    What fails once is tried the next time.
    """
    over = Event()

    def go_on() -> None:
        while not over.wait(seconds):
            try:
                act()
            except Exception as error:
                log.warning("What is done every %g seconds has failed: %s", seconds, type(error).__name__)

    thread = Thread(target=go_on, name=f"every-{seconds:g}-seconds", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
