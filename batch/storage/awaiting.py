"""Storage that is away for a while, as an object store that is started anew: a run waits for it."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_before_delay, wait_exponential

from .locations import is_away

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger(__name__)

AWAITED_SECONDS = 180.0
"""How long a run waits for its storage, beyond the tries of the storage's own client."""

Sleep = Callable[[float], None]

_patience: ContextVar[tuple[float, Sleep]] = ContextVar("patience", default=(0.0, time.sleep))


@contextmanager
def storage_awaited(sleep: Sleep, seconds: float = AWAITED_SECONDS) -> Iterator[None]:
    """Let calls to storage that is away be made again for so long, in the block and in the threads of its tasks.

    Outside of such a block they fail at once: where a job is opened, a misspelt address is no outage.

    Args:
        sleep: Lets so many seconds pass; what it raises ends the call.
        seconds: For how long.
    """
    before = _patience.set((seconds, sleep))
    try:
        yield
    finally:
        _patience.reset(before)


def awaited(function: Callable[P, R]) -> Callable[P, R]:
    """The function, called again in such a block while storage is away; it does the same if it is done twice."""

    @wraps(function)
    def patient(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            seconds, sleep = _patience.get()
            if not (seconds and is_away(error)):
                raise
        retrying = Retrying(
            sleep=sleep,
            stop=stop_before_delay(seconds),
            wait=wait_exponential(max=15),
            retry=retry_if_exception(is_away),
            before_sleep=_say_so,
            reraise=True,
        )
        return retrying(function, *args, **kwargs)

    return patient


def _say_so(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("The job's storage: %s, asked again in %.0f s", type(error).__name__, state.upcoming_sleep)
