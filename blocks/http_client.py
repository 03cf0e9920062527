"""The HTTP client that calls are made with: what it raises and answers carries no credentials.

Its library quotes a header that it cannot send, servers quote a key that they do not know, and an error holds the
request it came of: each would reach logs, states and results.
"""

import json
import re
from collections.abc import Iterator
from functools import cache
from ssl import SSLContext
from typing import Any

from httpx2 import Request, Response, create_ssl_context
from openai import DefaultHttpxClient

HIDDEN = "***"
"""What stands for a credential."""

SHORT = 8
"""Fewer characters are hidden only where they stand alone."""

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

    def send(self, request: Request, **options: Any) -> Response:
        """Send a request; afterwards it bears its credentials no more."""
        secrets = _Secrets(request)
        try:
            response = super().send(request, **options)
        except Exception as error:
            secrets.hide_in_error(error)
            raise
        finally:
            secrets.hide_in_request(request)
        return secrets.hidden_in(response) if response.is_error else response


class _Secrets:
    """The values of a request's headers that are credentials, in every spelling in which they may come back."""

    def __init__(self, request: Request) -> None:
        self._names = [name for name in request.headers if _is_secret(name)]
        values = {value for name in self._names for value in _parts(request.headers[name])}
        spelled = {spelling for value in values for spelling in _spellings(value)}
        self._patterns = [_pattern(text) for text in sorted(spelled, key=len, reverse=True)]

    def hide(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(HIDDEN, text)
        return text

    def hide_in_request(self, request: Request) -> None:
        for name in self._names:
            request.headers[name] = HIDDEN

    def hide_in_error(self, error: BaseException | None) -> None:
        """Also in the errors that it came of; an error that is another's cause may be its context as well."""
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            error.args = tuple(map(self._hide_in_part, error.args))
            error = error.__cause__ or error.__context__

    def _hide_in_part(self, part: object) -> object:
        hidden = self.hide(str(part))
        return part if hidden == str(part) else hidden

    def hidden_in(self, response: Response) -> Response:
        """The answer without what it quotes of the request."""
        response.read()
        dropped, encoding = _NOT_DECODED, response.encoding or "utf-8"
        try:
            said = response.text
        except UnicodeError:  # it would quote the body; from Python 3.13 on UTF-16 without its mark raises one
            dropped, encoding, said = (
                _NOT_DECODED | {"content-type"},
                "utf-8",
                response.content.decode(errors="replace"),
            )
        content = self.hide(said)
        if content == said and dropped is _NOT_DECODED:
            return response
        headers = [pair for pair in response.headers.multi_items() if pair[0].lower() not in dropped]
        answer = Response(response.status_code, headers=headers, content=content.encode(encoding))
        answer.request, answer.history, answer.extensions = response.request, response.history, response.extensions
        return answer


def _is_secret(header: str) -> bool:
    return header.lower() not in HARMLESS and not header.lower().startswith("x-stainless-")


def _parts(value: str) -> Iterator[str]:
    """A header's value, and the credential behind its scheme."""
    yield from filter(None, (value.strip(), value.strip().partition(" ")[2].strip()))


def _spellings(value: str) -> Iterator[str]:
    """As it is, as JSON has it, as Python prints bytes."""
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value.encode())[2:-1]


def _pattern(secret: str) -> re.Pattern[str]:
    """A short one, such as `test`, is also a part of words that mean something else."""
    return re.compile(re.escape(secret) if len(secret) >= SHORT else rf"(?<!\w){re.escape(secret)}(?!\w)")


def make_http_client(auth: tuple[str, str] | None = None) -> DiscreetClient:
    """A new client; reading the certificates takes longer than many a call, so that is done once."""
    return DiscreetClient(verify=_certificates(), auth=auth)


@cache
def _certificates() -> SSLContext:
    return create_ssl_context()
