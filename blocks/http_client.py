"""The HTTP clients that calls are made with: what they raise and answer carries no credentials.

Their library quotes a header that it cannot send, servers quote a key that they do not know, and an error holds
the request it came of: each would reach logs, states and results. So would what an answer that went well says of
errors, such as a batch that failed at validation. What a model answers is data and stays as it is. So does the
content of a file, which is streamed: `hiding` is for whoever reads errors in it.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

import orjson
from httpx2 import URL, AsyncBaseTransport, BaseTransport, InvalidURL, Request, Response
from openai import DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI

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

SAID_OF_ERRORS = frozenset({"error", "errors", "status", "status_details"})
"""Where in an answer that went well a server says in its own words what did not."""

_NOT_DECODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class HiddenCredentials:
    """All that one client has sent, and sends, that no text may show."""

    def __init__(self, gateway: Gateway, auth: tuple[str, str] | None) -> None:
        self._values = frozenset((*gateway.values, *_proxies_passwords(), *_as_sent(auth)))
        self.texts = SecretTexts(self._values)

    @contextmanager
    def kept_secret(self, request: Request) -> Iterator[SecretTexts]:
        """Let no error of the block name the credentials of a request, nor the request itself afterwards."""
        secrets = self._with_those_of(request)
        try:
            yield secrets
        except Exception as error:
            secrets.hide_in_error(error)
            raise
        finally:
            _hide_in_request(request)

    def _with_those_of(self, request: Request) -> SecretTexts:
        """With the values of a request's headers that are credentials: a key, or the token of this hour."""
        headers = (request.headers[name] for name in request.headers if _is_secret(name))
        found = {part for value in headers for part in _parts(value)} - self._values
        if found:
            self._values = self._values | found
            self.texts = SecretTexts(self._values)
        return self.texts


class DiscreetClient(DefaultHttpxClient):
    """OpenAI's HTTP client, whose errors, and whose answers that become errors, name no credential."""

    def __init__(self, gateway: Gateway, **options: Any) -> None:
        super().__init__(**options)
        self._gateway = gateway
        self.credentials = HiddenCredentials(gateway, options.get("auth"))

    def send(self, request: Request, **options: Any) -> Response:
        """Send a request; afterwards it bears its credentials no more."""
        with self.credentials.kept_secret(request) as secrets:
            response = super().send(request, **options)
        if response.is_error:
            response.read()
        return _hidden_in(response, secrets, streamed=bool(options.get("stream")))

    def _transport_for_url(self, url: URL) -> BaseTransport:
        """The library's own choice, a proxy's among them, with what the gateway asks for."""
        transport = super()._transport_for_url(url)
        return ThroughGateway(transport, self._gateway) if self._gateway.asks_of(url) else transport


class AsyncDiscreetClient(DefaultAsyncHttpxClient):
    """The same for an event loop."""

    def __init__(self, gateway: Gateway, **options: Any) -> None:
        super().__init__(**options)
        self._gateway = gateway
        self.credentials = HiddenCredentials(gateway, options.get("auth"))

    async def send(self, request: Request, **options: Any) -> Response:
        """Send a request; afterwards it bears its credentials no more."""
        with self.credentials.kept_secret(request) as secrets:
            response = await super().send(request, **options)
        if response.is_error:
            await response.aread()
        return _hidden_in(response, secrets, streamed=bool(options.get("stream")))

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


def hiding(client: OpenAI) -> Callable[[str], str]:
    """What hides in a text whatever this client has sent by then that is secret."""
    http = client._client
    return (lambda text: http.credentials.texts.hide(text)) if isinstance(http, DiscreetClient) else str


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


def _parts(value: str) -> Iterator[str]:
    """A header's value, and the credential behind its scheme."""
    yield value.strip()
    yield value.strip().partition(" ")[2].strip()


def _as_sent(auth: tuple[str, str] | None) -> Iterator[str]:
    """A password, and what is sent of it, which is put on a request below the client."""
    if auth is not None:
        yield auth[1]
        yield b64encode(":".join(auth).encode()).decode()


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


def _hidden_in(response: Response, secrets: SecretTexts, *, streamed: bool) -> Response:
    """An answer without what it quotes of the request; of JSON that went well, what it says of errors."""
    kind = response.headers.get("content-type", "")
    if response.is_error:
        return _rewritten(response, secrets.hide)
    if streamed or response.url.path.endswith("/content"):
        return response
    if "json" in kind:
        return _rewritten(response, lambda text: _hidden_in_errors(text, secrets))
    return _rewritten(response, secrets.hide) if kind.startswith("text/") else response


def _hidden_in_errors(text: str, secrets: SecretTexts) -> str:
    """JSON, with what it quotes hidden in its errors; where it cannot be read, wherever it stands."""
    hidden = secrets.hide(text)
    if hidden == text:  # as nearly always
        return text
    try:
        answer = orjson.loads(text)
        discreet = _hidden_below(answer, secrets, of_errors=False)
    except (ValueError, RecursionError):
        return hidden
    return text if discreet == answer else orjson.dumps(discreet).decode()


def _hidden_below(value: Any, secrets: SecretTexts, *, of_errors: bool) -> Any:
    if isinstance(value, dict):
        return {
            secrets.hide(name) if of_errors else name: _hidden_below(
                part, secrets, of_errors=of_errors or name in SAID_OF_ERRORS
            )
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [_hidden_below(part, secrets, of_errors=of_errors) for part in value]
    return secrets.hide(value) if of_errors and isinstance(value, str) else value


def _rewritten(response: Response, hide: Callable[[str], str]) -> Response:
    """An answer, read, with its text as `hide` leaves it."""
    dropped, encoding = _NOT_DECODED, response.encoding or "utf-8"
    try:
        said = response.text
    except UnicodeError:  # it would quote the body; from Python 3.13 on UTF-16 without its mark raises one
        dropped, encoding, said = (
            _NOT_DECODED | {"content-type"},
            "utf-8",
            response.content.decode(errors="replace"),
        )
    content = hide(said)
    if content == said and dropped is _NOT_DECODED:
        return response
    headers = [pair for pair in response.headers.multi_items() if pair[0].lower() not in dropped]
    answer = Response(response.status_code, headers=headers, content=content.encode(encoding))
    answer.request, answer.history, answer.extensions = response.request, response.history, response.extensions
    return answer
