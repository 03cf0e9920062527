"""What a fault makes of an HTTP call."""

import asyncio
import re

from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..errors import ApiError, no_such_batch, no_such_file
from .script import RouteFault

_LONGEST_BODY = 100_000

_PAGE = """<html>
<head><title>{status}</title></head>
<body><center><h1>{status}</h1></center><hr><center>cloudflare</center></body>
</html>
"""


class Protocol(HttpToolsProtocol):
    """Uvicorn's HTTP, which lets an application close its connection."""

    def on_message_begin(self) -> None:
        """Begin a request; its scope gets the connection."""
        super().on_message_begin()
        self.scope["transport"] = self.transport  # type: ignore[typeddict-unknown-key]  # our own key


async def serve_with_faults(
    app: ASGIApp, faults: list[RouteFault], scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve a call under the faults that befall it; of several that spoil its answer, the first does.

    Raises:
        ApiError: the call is refused so.
    """
    spoiling = None
    for fault in faults:
        if fault.kind == "lag":
            scope["lag"] = fault.seconds
        elif fault.kind in ("cut_stream", "short_body", "no_bytes"):
            scope[fault.kind] = fault
        else:
            spoiling = spoiling or fault
    if spoiling is None:
        await app(scope, receive, send)
        return
    kept: list[Message] = []
    if spoiling.when == "after":
        await app(scope, receive, _keeping(kept))
    else:
        scope["asked"] = await _read_body(receive)
    await _spoil(spoiling, kept, scope, receive, send)


def _keeping(kept: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        kept.append(message)

    return keep


async def _read_body(receive: Receive) -> bytes:
    """The beginning of a request's body; the rest is read and dropped."""
    body, more = b"", True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        if len(body) < _LONGEST_BODY:
            body += message.get("body", b"")
    return body


async def _spoil(fault: RouteFault, kept: list[Message], scope: Scope, receive: Receive, send: Send) -> None:
    if fault.kind == "cut":
        scope["transport"].abort()
        await _disconnected(receive)
    elif fault.kind == "hang":
        await _hang(fault.seconds, receive)
        for message in kept or _gateway_timeout():
            await send(message)
    elif fault.kind == "html":
        await HTMLResponse(_PAGE.format(status=fault.status), fault.status)(scope, receive, send)
    else:
        raise _refusal(fault, scope)


async def _hang(seconds: float, receive: Receive) -> None:
    """Wait, but no longer than the client does."""
    waiting = asyncio.ensure_future(_disconnected(receive))
    await asyncio.wait([waiting], timeout=seconds)
    waiting.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _gateway_timeout() -> list[Message]:
    """The answer to a call that hung and had no effect."""
    headers = [(b"content-type", b"text/html"), (b"content-length", b"0")]
    return [
        {"type": "http.response.start", "status": 504, "headers": headers},
        {"type": "http.response.body", "body": b""},
    ]


def _refusal(fault: RouteFault, scope: Scope) -> ApiError:
    if fault.kind == "not_found":
        return _not_found(scope["path"])
    if fault.kind == "cannot_find_file":
        found = re.search(rb'"input_file_id": *"([^"]+)"', scope.get("asked", b""))
        name = found[1].decode() if found else "file-unknown"
        message = f"Cannot find file {name}, or project proj_emulator does not have access to it."
        return ApiError(400, fault.message or message, param="file_id")
    return _error(fault)


def _not_found(path: str) -> ApiError:
    if found := re.search(r"/files/([^/]+)", path):
        return no_such_file(found[1])
    found = re.search(r"/batches/([^/]+)", path)
    return no_such_batch(found[1]) if found else ApiError(404, "Not found.")


_WORDS = {
    429: ("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
}


def _error(fault: RouteFault) -> ApiError:
    otherwise = ("The server had an error while processing your request. Sorry about that!", "server_error", None)
    message, kind, code = _WORDS.get(fault.status, otherwise)
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    return ApiError(fault.status, fault.message or message, kind=kind, code=fault.code or code, headers=headers)
