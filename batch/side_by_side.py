"""Calls that wait for answers from elsewhere, made side by side."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16


def side_by_side(function: Callable[[T], R], given: Iterable[T]) -> list[tuple[T, R]]:
    """Each of these with what the function gives for it, in their order.

    What holds in the caller's context, such as what is remembered of a folder, holds in each call.

    Raises:
        Exception: what the first of them that failed has raised; none begins after that.
    """
    given = list(given)
    if len(given) < 2:
        return [(one, function(one)) for one in given]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        called = [(one, threads.submit(copy_context().run, function, one)) for one in given]
        try:
            wait([call for _, call in called], return_when=FIRST_EXCEPTION)
            failed = next((call for _, call in called if call.done() and call.exception()), None)
            return [(one, (failed or call).result()) for one, call in called]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
