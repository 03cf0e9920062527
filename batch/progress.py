"""How far a job is, told to whoever watches: the command line draws its bars from it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

Step = Literal["read", "build", "upload", "wait", "fetch", "write"]


@dataclass(frozen=True)
class Progress:
    """One piece of news of a step: its total in rows, how many more are done, or how many in all."""

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
    """Tell every observer of this flow; without any, nothing happens."""
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
