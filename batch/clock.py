"""What time it is, and what is done now and then. Ask `clock.now()` by that name: tests drive it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

now = time.time
"""The time in Unix seconds."""


@contextmanager
def every(seconds: float, act: Callable[[], object]) -> Iterator[None]:
    """Act again and again while the block runs, in a thread; true seconds, also where tests drive the clock."""
    over = Event()

    def go_on() -> None:
        while not over.wait(seconds):
            act()

    thread = Thread(target=go_on, name=f"every-{seconds:g}-seconds", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
