"""Tokens in place of keys, as Entra ID and OpenAI's workload identity give them."""

import hmac
import threading
import time
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import ApiError
from ..settings import ServerSettings
from .context import json_body

AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
OPENAI_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"

PATHS = (
    "/oauth/token",
    "/common/discovery/instance",
    "/oauth2/v2.0/token",
    "/v2.0/.well-known/openid-configuration",
)
"""How the paths end under which tokens are had; nobody needs one there."""


class Tokens:
    """The tokens that were given; each is good for some true seconds, since clients count by their own clocks."""

    def __init__(self, settings: ServerSettings) -> None:
        self._seconds = settings.token_seconds
        self._secret = settings.key
        self._lock = threading.Lock()
        self._ends: dict[str, float] = {}

    @property
    def are_asked_for(self) -> bool:
        """Whether keys are switched off."""
        return self._seconds is not None

    def is_good(self, token: str) -> bool:
        """Whether a token was given here, and not too long ago."""
        return time.monotonic() < self._ends.get(token, 0.0)

    def knows(self, secret: str) -> bool:
        """Whether who has this secret is given tokens."""
        return self._secret is None or hmac.compare_digest(secret.encode(), self._secret.encode())

    def give(self) -> dict[str, Any]:
        """A new token, as OAuth words it."""
        token, seconds = f"emulator-token-{token_hex(16)}", self._seconds or 0.0
        with self._lock:
            self._ends[token] = time.monotonic() + seconds
        return {"token_type": "Bearer", "access_token": token, "expires_in": max(1, round(seconds))}


def token_routes(tokens: Tokens) -> list[Route]:
    """Where tokens are had; none where keys are taken."""
    if not tokens.are_asked_for:
        return []

    async def exchange(request: Request) -> Response:
        """OpenAI's: what a cloud says of a machine, for a token."""
        asked = await json_body(request)
        known = asked.get("identity_provider_id") and asked.get("service_account_id")
        if asked.get("grant_type") != OPENAI_GRANT or not known:
            return _refused(400, "invalid_request", "The request is missing a required parameter.")
        if not tokens.knows(str(asked.get("subject_token"))):
            return _refused(401, "invalid_grant", f"The subject token '{asked['subject_token']}' is not accepted.")
        return JSONResponse(tokens.give())

    async def sign_in(request: Request) -> Response:
        """Entra ID's: an app's id and secret, for a token."""
        asked = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if AZURE_SCOPE not in asked.get("scope", "").split():
            return _refused(400, "invalid_scope", "AADSTS70011: The provided value for 'scope' is not valid.")
        if not tokens.knows(asked.get("client_secret", "")):
            message = (
                "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is "
                f"the client secret value, for a secret added to app '{asked.get('client_id')}'."
            )
            return _refused(401, "invalid_client", message)
        return JSONResponse(tokens.give())

    return [
        Route("/oauth/token", exchange, methods=["POST"]),
        Route("/{tenant}/oauth2/v2.0/token", sign_in, methods=["POST"]),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", _entra),
        Route("/common/discovery/instance", _entra_instances),
    ]


async def _entra(request: Request) -> Response:
    """What Entra ID says of a tenant."""
    tenant = request.url.replace(path=f"/{request.path_params['tenant']}", query="")
    places = {
        "issuer": "v2.0",
        "token_endpoint": "oauth2/v2.0/token",
        "authorization_endpoint": "oauth2/v2.0/authorize",
    }
    return JSONResponse({name: f"{tenant}/{path}" for name, path in places.items()})


async def _entra_instances(request: Request) -> Response:
    """What Entra ID says of its own hosts."""
    place = request.query_params.get("authorization_endpoint", "").partition("/oauth2/")[0]
    return JSONResponse(
        {"tenant_discovery_endpoint": f"{place}/v2.0/.well-known/openid-configuration", "metadata": []}
    )


def _refused(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


def check_token(tokens: Tokens, token: str) -> None:
    """Refuse what is no token of this server, or one no more.

    Raises:
        ApiError: 401, as Azure words it.
    """
    if not tokens.is_good(token):
        message = (
            "Unauthorized. Access token is missing, invalid, audience is incorrect "
            "(https://cognitiveservices.azure.com), or have expired."
        )
        raise ApiError(401, message, code="401")
