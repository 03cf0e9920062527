"""How far a job is, told to whoever watches: the progress artifact in Prefect's UI, the command line's bars."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf
from threading import Timer
from typing import Literal, Protocol, TypeVar

SILENT_SECONDS = 0.5
"""Whoever waits longer is told for what."""

SHORTEST_SECONDS = 0.1
"""What takes no longer is never told, however long it was silent before."""

Step = Literal["read", "build", "upload", "wait", "fetch", "answer", "write", "load"]


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


class _Rows(Protocol):
    @property
    def num_rows(self) -> int: ...


B = TypeVar("B", bound=_Rows)


def reported(step: Step, batches: Iterable[B], total: int) -> Iterator[B]:
    """Batches of rows as they are, each reported when whoever takes them asks for the next."""
    report(step, total=total, done=0)
    for batch in batches:
        yield batch
        report(step, advance=batch.num_rows)


@contextmanager
def observed_by(observer: Observer) -> Iterator[None]:
    """Let `observer` hear of the progress of whatever runs in the block, in threads of Prefect's tasks too."""
    before = _observers.set((*_observers.get(), observer))
    try:
        yield
    finally:
        _observers.reset(before)


_silent_since = inf


def command_begins() -> None:
    """From now on it counts how long this process has been silent, whichever waits come after one another."""
    global _silent_since
    _silent_since = time.monotonic()


@contextmanager
def waited_for(what: str) -> Iterator[None]:
    """Say on stderr what the block waits for, where it takes longer than a moment; a command's silence counts."""
    silent = max(time.monotonic() - _silent_since, 0.0)
    notice = Timer(max(SILENT_SECONDS - silent, SHORTEST_SECONDS), _say, [what])
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


def _say(what: str) -> None:
    sys.stderr.write(f"{what} …\n")
    if _silent_since < inf:
        command_begins()


_waits: dict[object, str] = {}
"""What the blocks that are at work now wait for, the youngest last."""


@contextmanager
def noted_wait(what: str) -> Iterator[None]:
    """Note what the block waits for; whoever shows this process's progress says so where it takes long."""
    block = object()
    _waits[block] = what
    try:
        yield
    finally:
        del _waits[block]


def latest_wait() -> str | None:
    """What the youngest block waits for, in any thread; None where none does."""
    return next(iter(list(_waits.values())[-1:]), None)  # a list is made at once, whatever threads add meanwhile
