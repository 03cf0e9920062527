"""The door of the server: what happens to every request before and after its route."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..engine.identifiers import new_request_id
from ..errors import ApiError
from ..faults.route_faults import serve_with_faults
from ..faults.script import Faults
from .admission import Admission
from .context import answer_error
from .rates import Rates

_LONGEST_LOG = 100_000


class Gate:
    """Logs each request, lets it in or not, counts it, adds OpenAI's headers, and lets faults happen."""

    def __init__(self, app: ASGIApp, admission: Admission, rates: Rates, faults: Faults) -> None:
        self._app = app
        self._admission = admission
        self._rates = rates
        self._faults = faults
        self.log: deque[dict[str, Any]] = deque(maxlen=_LONGEST_LOG)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        entry = {
            "received_at": time.time(),
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode("latin-1"),
            "status": None,
        }
        self.log.append(entry)
        started = time.monotonic()
        send = _with_headers(send, entry, lambda: round((time.monotonic() - started) * 1000))
        if scope["path"].startswith(("/emulator/", "/health")):
            await self._app(scope, receive, send)
            return
        try:
            self._admission.check(Request(scope))
            self._rates.count("requests")
            faults = self._faults.of_call(scope["method"], scope["path"])
            await serve_with_faults(self._app, faults, scope, receive, send)
        except ApiError as error:
            await answer_error(error)(scope, receive, send)


def _with_headers(send: Send, entry: dict[str, Any], milliseconds: Callable[[], int]) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry["status"] = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"openai-version", b"2020-10-01"),
                (b"openai-organization", b"org-emulator"),
                (b"openai-project", b"proj_emulator"),
                (b"openai-processing-ms", str(milliseconds()).encode()),
                (b"x-request-id", new_request_id().encode()),
            ]
        await send(message)

    return wrapped
