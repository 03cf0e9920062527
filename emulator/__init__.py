"""A local OpenAI Batch API server: faithful enough to develop against, unkind enough to test against.

It knows nothing of the rest of this package, as the real one does not. Its rooms, each of which knows only those
below:

    pytest_plugin    the fixture `batch_api`
    server           the server, within a program or as one
    routes/          HTTP: what is asked, refused and shown
    engine/          what happens to batches: store, validation, execution, lifecycle, bill, prices, webhooks
    faults/          what goes wrong by script
    answers/         what is said to a request, and in which shape
    settings, clock, errors
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers.answerers import Reply, ToolCall
    from .clock import Clock
    from .faults.script import BatchFault, Fault, LineFault, RouteFault, Script
    from .server import BatchServer, serve
    from .settings import Limits, ServerSettings, Timing

# Every pytest run of whoever has this installed imports this package for its plugin: what the server needs is
# imported when it is first used.
_HOME = {
    "BatchFault": "faults.script",
    "BatchServer": "server",
    "Clock": "clock",
    "Fault": "faults.script",
    "Limits": "settings",
    "LineFault": "faults.script",
    "Reply": "answers.answerers",
    "RouteFault": "faults.script",
    "Script": "faults.script",
    "ServerSettings": "settings",
    "Timing": "settings",
    "ToolCall": "answers.answerers",
    "serve": "server",
}

__all__ = [
    "BatchFault",
    "BatchServer",
    "Clock",
    "Fault",
    "Limits",
    "LineFault",
    "Reply",
    "RouteFault",
    "Script",
    "ServerSettings",
    "Timing",
    "ToolCall",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
