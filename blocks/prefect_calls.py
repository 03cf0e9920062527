"""Prefect's calls that would give a coroutine where an event loop runs, and whose run this process is."""

import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

STARTED_FOR = "PREFECT__FLOW_RUN_ID"
"""The variable by which a worker names the run that it starts a process for; subflows run in there too."""


def at_once(call: Callable[P, R | Coroutine[Any, Any, R]], *args: P.args, **kwargs: P.kwargs) -> R:
    """What a call gives when it is done, wherever it is made.

    Prefect looks for an event loop, and answers with a coroutine where one runs; none of our callers awaits it.
    """
    # `_sync` is of Prefect's decorator, and in no signature.
    return call(*args, **kwargs, _sync=True)  # type: ignore[return-value, arg-type]


def is_deployed() -> bool:
    """Whether this is a deployed run, whose folder is its worker's, and goes when it ends."""
    if STARTED_FOR in os.environ:
        return True
    if "prefect.context" not in sys.modules:  # a command begins without Prefect
        return False
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run is not None and run.deployment_id is not None
