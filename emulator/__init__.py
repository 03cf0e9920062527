"""A local OpenAI Batch API server: faithful enough to develop against, unkind enough to test against.

It knows nothing of the rest of this package, as the real one does not.
"""

from .clock import Clock
from .faults import BatchFault, Fault, LineFault, RouteFault, Script
from .replies import Reply, ToolCall
from .server import BatchServer, serve
from .settings import Limits, ServerSettings, Timing

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
