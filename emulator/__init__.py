"""A local OpenAI Batch API server: faithful enough to develop against, unkind enough to test against.

It knows nothing of the rest of this package, as the real one does not.
"""

from .clock import Clock
from .replies import Reply, ToolCall
from .server import BatchServer, serve
from .settings import Limits, ServerSettings, Timing

__all__ = ["BatchServer", "Clock", "Limits", "Reply", "ServerSettings", "Timing", "ToolCall", "serve"]
