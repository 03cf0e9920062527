"""Prefect's calls that would give a coroutine where an event loop runs, as in a notebook."""

from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def at_once(call: Callable[P, R | Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """What a call gives when it is done, wherever it is made.

    Prefect looks for an event loop, and answers with a coroutine where one runs; none of our callers awaits it.
    """
    # `_sync` is of Prefect's decorator, and in no signature.
    return call(*args, **kwargs, _sync=True)  # type: ignore[return-value, arg-type]
