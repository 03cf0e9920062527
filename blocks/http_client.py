"""The HTTP clients that calls are made with: what they raise and answer carries no credentials.

Their library quotes a header that it cannot send, servers quote a key that they do not know, and an error holds
the request it came of: each would reach logs, states and results.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from httpx2 import URL, AsyncBaseTransport, BaseTransport, InvalidURL, Request, Response
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient

from ..batch.errors import AccessError
from .certificates import trust
from .gateway import AsyncThroughGateway, Gateway, ThroughGateway
from .secret_texts import HIDDEN, SecretTexts

HARMLESS = frozenset(
    {
        *(
            "accept",
            "accept-encoding",
            "connection",
            "content-length",
            "content-type",
            "host",
            "transfer-encoding",
        ),
        *("user-agent", "idempotency-key", "openai-organization", "openai-project"),
    }
)
"""Headers that tell nothing; beside them those of the SDK that begin with `x-stainless-`."""

_NOT_DECODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class DiscreetClient(DefaultHttpxClient):
    """OpenAI's HTTP client, whose errors, and whose answers that become errors, name no credential."""

    def __init__(self, gateway: Gateway, **options: Any) -> None:
        super().__init__(**options)
        self._gateway = gateway
        self._unseen = (*gateway.values, *_proxies_passwords())

    def send(self, request: Request, **options: Any) -> Response:
        """Send a request; afterwards it bears its credentials no more."""
        with _kept_secret(request, self._unseen) as secrets:
            response = super().send(request, **options)
        if not response.is_error:
            return response
        response.read()
        return _hidden_in(response, secrets)

    def _transport_for_url(self, url: URL) -> BaseTransport:
        """The library's own choice, a proxy's among them, with what the gateway asks for."""
        transport = super()._transport_for_url(url)
        return ThroughGateway(transport, self._gateway) if self._gateway.asks_of(url) else transport


class AsyncDiscreetClient(DefaultAsyncHttpxClient):
    """The same for an event loop."""

    def __init__(self, gateway: Gateway, **options: Any) -> None:
        super().__init__(**options)
        self._gateway = gateway
        self._unseen = (*gateway.values, *_proxies_passwords())

    async def send(self, request: Request, **options: Any) -> Response:
        """Send a request; afterwards it bears its credentials no more."""
        with _kept_secret(request, self._unseen) as secrets:
            response = await super().send(request, **options)
        if not response.is_error:
            return response
        await response.aread()
        return _hidden_in(response, secrets)

    def _transport_for_url(self, url: URL) -> AsyncBaseTransport:
        """The library's own choice, a proxy's among them, with what the gateway asks for."""
        transport = super()._transport_for_url(url)
        return AsyncThroughGateway(transport, self._gateway) if self._gateway.asks_of(url) else transport


def make_http_client(gateway: Gateway, auth: tuple[str, str] | None = None) -> DiscreetClient:
    """A new client, which goes through the proxy that the environment names.

    Raises:
        AccessError: the certificates or the proxy that the environment names cannot be used.
    """
    with _proxy_of_use():
        return DiscreetClient(gateway, verify=trust(), auth=auth)


def make_async_http_client(gateway: Gateway, auth: tuple[str, str] | None = None) -> AsyncDiscreetClient:
    """The same for an event loop."""
    with _proxy_of_use():
        return AsyncDiscreetClient(gateway, verify=trust(), auth=auth)


@contextmanager
def _proxy_of_use() -> Iterator[None]:
    """Let what the library says of a proxy's address be unsaid: it quotes it, and it may hold a password."""
    try:
        yield
    except (ValueError, InvalidURL, ImportError) as error:
        raise AccessError(
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names no proxy that can be used. One reads http://host:port or "
            f"http://user:password@host:port; socks5:// needs `pip install socksio` ({type(error).__name__})."
        ) from None


@contextmanager
def _kept_secret(request: Request, unseen: Iterable[str]) -> Iterator[SecretTexts]:
    """Let no error of the block name the credentials of a request, nor the request itself afterwards."""
    secrets = _secrets_of(request, unseen)
    try:
        yield secrets
    except Exception as error:
        secrets.hide_in_error(error)
        raise
    finally:
        _hide_in_request(request)


def _secrets_of(request: Request, unseen: Iterable[str]) -> SecretTexts:
    """The values of a request's headers that are credentials, with those that are put on it below the client."""
    headers = (request.headers[name] for name in request.headers if _is_secret(name))
    return SecretTexts((*unseen, *(part for value in headers for part in _parts(value))))


def _parts(value: str) -> Iterator[str]:
    """A header's value, and the credential behind its scheme."""
    yield value.strip()
    yield value.strip().partition(" ")[2].strip()


def _proxies_passwords() -> Iterator[str]:
    """The passwords in the addresses of the proxies that the environment names."""
    for address in getproxies().values():
        user, at, _ = urlsplit(address if "://" in address else f"//{address}").netloc.rpartition("@")
        if at:
            yield unquote(user.partition(":")[2])


def _is_secret(header: str) -> bool:
    return header.lower() not in HARMLESS and not header.lower().startswith("x-stainless-")


def _hide_in_request(request: Request) -> None:
    for name in list(request.headers):
        if _is_secret(name):
            request.headers[name] = HIDDEN


def _hidden_in(response: Response, secrets: SecretTexts) -> Response:
    """An answer, read, without what it quotes of the request."""
    dropped, encoding = _NOT_DECODED, response.encoding or "utf-8"
    try:
        said = response.text
    except UnicodeError:  # it would quote the body; from Python 3.13 on UTF-16 without its mark raises one
        dropped, encoding, said = (
            _NOT_DECODED | {"content-type"},
            "utf-8",
            response.content.decode(errors="replace"),
        )
    content = secrets.hide(said)
    if content == said and dropped is _NOT_DECODED:
        return response
    headers = [pair for pair in response.headers.multi_items() if pair[0].lower() not in dropped]
    answer = Response(response.status_code, headers=headers, content=content.encode(encoding))
    answer.request, answer.history, answer.extensions = response.request, response.history, response.extensions
    return answer
