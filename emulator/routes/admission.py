"""What is asked of every request: a key or a token, and what a company's gateway asks for besides."""

import hmac

from starlette.requests import Request

from ..errors import ApiError
from ..settings import ServerSettings
from .tokens import PATHS, Tokens, check_token


class Admission:
    """Lets requests in, or says what they lack."""

    def __init__(self, settings: ServerSettings, tokens: Tokens) -> None:
        self._key = settings.key
        self._tokens = tokens
        self._header = _pair(settings.header, ":")
        self._query = _pair(settings.query, "=")

    def check(self, request: Request) -> None:
        """Refuse a request that lacks something.

        Raises:
            ApiError: 401, for want of the gateway's header or query parameter, or of a key or token that is
                good; 403, keys are switched off.
        """
        path = request.url.path
        if self._tokens.are_asked_for and path.endswith(PATHS):
            return
        for asked, given, kind in (
            (self._header, request.headers, "header"),
            (self._query, request.query_params, "query parameter"),
        ):
            if asked and given.get(asked[0]) != asked[1]:
                raise ApiError(401, f"The gateway asks for the {kind} {asked[0]}: it is missing or wrong.")
        if self._tokens.are_asked_for:
            if request.headers.get("api-key"):
                message = "Key based authentication is disabled for this resource."
                raise ApiError(403, message, code="AuthenticationTypeDisabled")
            check_token(self._tokens, _bearer(request))
        else:
            self._check_key(_bearer(request) or request.headers.get("api-key") or "")

    def _check_key(self, given: str) -> None:
        if not given:
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                "Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
            )
            raise ApiError(401, message)
        if self._key is not None and not hmac.compare_digest(given.encode(), self._key.encode()):
            raise ApiError(401, f"Incorrect API key provided: {_masked(given)}.", code="invalid_api_key")


def _pair(text: str | None, separator: str) -> tuple[str, str] | None:
    name, _, value = (text or "").partition(separator)
    return (name.strip(), value.strip()) if text else None


def _bearer(request: Request) -> str:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return bearer.strip() if scheme.lower() == "bearer" else ""


def _masked(key: str) -> str:
    return "*" * len(key) if len(key) < 12 else f"{key[:4]}{'*' * (len(key) - 8)}{key[-4:]}"
