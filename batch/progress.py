"""How far a job is, told to whoever watches: the progress artifact in Prefect's UI, the command line's bars."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Timer
from typing import Literal

SILENT_SECONDS = 0.5
"""Whoever waits longer is told for what."""

Step = Literal["read", "build", "upload", "wait", "fetch", "answer", "write"]


@dataclass(frozen=True)
class Progress:
    """One piece of news of a step, in rows or their items.

    `total` is how many there are, `advance` how many more are done, `done` how many are done in all.
    """

    step: Step
    total: int | None = None
    advance: int = 0
    done: int | None = None
    text: str | None = None


Observer = Callable[[Progress], None]

_observers: ContextVar[tuple[Observer, ...]] = ContextVar("observers", default=())


def report(
    step: Step,
    *,
    total: int | None = None,
    advance: int = 0,
    done: int | None = None,
    text: str | None = None,
) -> None:
    """Tell everybody who observes what runs here, by `observed_by`; where nobody does, nothing happens."""
    for observer in _observers.get():
        observer(Progress(step, total, advance, done, text))


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Let `observer` hear of the progress of whatever runs in the block, in threads of Prefect's tasks too."""
    before = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(before)


@contextmanager
def waited_for(what: str) -> Iterator[None]:
    """Say on stderr what the block waits for, where it takes longer than a moment."""
    notice = Timer(SILENT_SECONDS, lambda: sys.stderr.write(f"{what} …\n"))
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()
