"""The door of the server: what happens to every request before and after its route."""

import hmac
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
from .context import answer_error
from .rates import Rates

_LONGEST_LOG = 100_000


class Gate:
    """Logs each request, asks for the key, counts it, adds OpenAI's headers, and lets faults happen."""

    def __init__(self, app: ASGIApp, key: str | None, rates: Rates, faults: Faults) -> None:
        self._app = app
        self._key = key
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
            self._check_key(Request(scope))
            self._rates.count("requests")
            faults = self._faults.of_call(scope["method"], scope["path"])
            await serve_with_faults(self._app, faults, scope, receive, send)
        except ApiError as error:
            await answer_error(error)(scope, receive, send)

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("api-key") or ""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            given = bearer.strip()
        if not given:
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            )
            raise ApiError(401, message)
        if self._key is not None and not hmac.compare_digest(given.encode(), self._key.encode()):
            message = f"Incorrect API key provided: {_masked(given)}."
            raise ApiError(401, message, code="invalid_api_key")


def _masked(key: str) -> str:
    return "*" * len(key) if len(key) < 12 else f"{key[:4]}{'*' * (len(key) - 8)}{key[-4:]}"


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
