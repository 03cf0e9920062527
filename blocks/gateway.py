"""What a company's gateway asks for beside the key: headers and query parameters, seen by nobody but the server.

They are put on below the HTTP client, whose log, errors and requests therefore never hold them, and only on what
goes to the account's own server: a redirection takes them nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from httpx2 import URL, AsyncBaseTransport, BaseTransport, Request, Response

from .secret_texts import SecretTexts


@dataclass(frozen=True)
class Gateway:
    """What every request to one server bears.

    Attributes:
        server: The server's address.
        headers: Headers, by their names; they take the place of the client's own.
        query: Query parameters, by their names.
    """

    server: URL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def values(self) -> tuple[str, ...]:
        """What may be secret: all that is asked for."""
        return (*self.headers.values(), *self.query.values())

    def asks_of(self, url: URL) -> bool:
        """Whether there is something to put on a request to this address."""
        same = (url.scheme, url.host, url.port) == (self.server.scheme, self.server.host, self.server.port)
        return same and bool(self.headers or self.query)

    def passed(self, request: Request) -> Request:
        """A request as the gateway lets it through."""
        headers = request.headers.copy()
        headers.update(self.headers)
        url = request.url.copy_merge_params(self.query) if self.query else request.url
        return Request(request.method, url, headers=headers, stream=request.stream, extensions=request.extensions)

    def hide_in_redirection(self, response: Response) -> Response:
        """An answer whose redirection, which the client logs when it follows it, does not quote the query."""
        if "location" in response.headers:
            response.headers["location"] = SecretTexts(self.values).hide(response.headers["location"])
        return response


class ThroughGateway(BaseTransport):
    """A transport through a gateway."""

    def __init__(self, transport: BaseTransport, gateway: Gateway) -> None:
        self._transport = transport
        self._gateway = gateway

    def handle_request(self, request: Request) -> Response:
        """Send a request with what the gateway asks for."""
        return self._gateway.hide_in_redirection(self._transport.handle_request(self._gateway.passed(request)))


class AsyncThroughGateway(AsyncBaseTransport):
    """The same for an event loop."""

    def __init__(self, transport: AsyncBaseTransport, gateway: Gateway) -> None:
        self._transport = transport
        self._gateway = gateway

    async def handle_async_request(self, request: Request) -> Response:
        """Send a request with what the gateway asks for."""
        response = await self._transport.handle_async_request(self._gateway.passed(request))
        return self._gateway.hide_in_redirection(response)
