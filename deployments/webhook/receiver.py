"""OpenAI's webhooks received: each batch that has ended wakes the run that waits for it.

    prefect-openai-batch webhook --port 8300
    uvicorn --factory prefect_openai_batch.deployments.webhook:make_app

A call is verified, kept on disk and answered; what comes of it comes after. Whatever is forged, stale or repeated
changes nothing.
"""

import binascii
import logging
import os
import sqlite3
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from openai import OpenAI
from prefect.settings import get_current_settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ...batch import clock
from ...batch.errors import AccessError
from ...blocks import load_credentials
from .deliveries import Delivery, Inbox
from .forwarding import Forwarder

MOST_BYTES = 65_536
"""No event of OpenAI's comes near it."""

SECRET = "OPENAI_WEBHOOK_SECRET"  # noqa: S105  # the variable's name

ENDED = ("batch.completed", "batch.failed", "batch.expired", "batch.cancelled")

KEPT = "deliveries are kept, and no run can be told: "
"""So `GET /health` begins where it is not all well."""

log = logging.getLogger(__name__)


class Event(BaseModel):
    """Any event of OpenAI's: what `data` holds depends on its type."""

    model_config = ConfigDict(extra="ignore")

    type: str


class _Subject(BaseModel):
    id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,200}$")


class BatchEvent(Event):
    """What a webhook says of a batch, as far as it matters here."""

    data: _Subject


class Receiver:
    """The routes of the app.

    Args:
        inbox: Where deliveries are kept.
        forwarder: Who deals with them.
        client: Verifies signatures; it makes no call.
        secret: What webhooks are signed with.
    """

    def __init__(self, inbox: Inbox, forwarder: Forwarder, client: OpenAI, secret: str) -> None:
        self._inbox = inbox
        self._forwarder = forwarder
        self._client = client
        self._secret = secret

    async def receive(self, request: Request) -> Response:
        """Verify a call, keep what it says, and answer."""
        body = await _read(request)
        if body is None:
            return _refused("is too large", 413)
        webhook_id = request.headers.get("webhook-id", "")
        try:
            self._client.webhooks.verify_signature(body, request.headers, secret=self._secret)
        except (ValueError, TypeError):
            return _refused("is not signed with this receiver's secret, or not now", 400)
        try:
            if Event.model_validate_json(body).type not in ENDED:
                return Response(status_code=200)
            event = BatchEvent.model_validate_json(body)
        except ValidationError:
            return _refused("is no event", 400)
        try:
            delivery = Delivery(webhook_id, event.data.id, clock.now())
            if await run_in_threadpool(self._inbox.put, delivery):  # it waits for the disk
                self._forwarder.notify()
        except sqlite3.Error as error:
            log.error("A delivery could not be kept, OpenAI will repeat it: %s", type(error).__name__)
            return PlainTextResponse("The delivery could not be kept.", status_code=503)
        return Response(status_code=200)

    async def health(self, _request: Request) -> Response:
        """Say whether it is there, with the thread that deals with what is delivered, and what keeps that from it.

        Deliveries are taken and kept all the same, so it is well then: else no proxy would bring any more.
        """
        if not self._forwarder.is_alive():
            return PlainTextResponse("ended", 503)
        trouble = self._forwarder.trouble
        return PlainTextResponse(f"{KEPT}{trouble}" if trouble else "ok")


def make_app(inbox: Path | None = None, credentials: str | None = None) -> Starlette:
    """The receiver as an ASGI app, for any server: `POST /`, and `GET /health`.

    Args:
        inbox: The file that keeps what was delivered; None: in Prefect's home.
        credentials: The name of the credentials block of the account, which may hold the webhook's secret; None
            uses OpenAI's environment variables.

    Raises:
        AccessError: there is no secret, or no key, or no Prefect server is named.
        sqlite3.Error: the inbox cannot be used.
    """
    if not get_current_settings().api.url:  # else Prefect would start a server of its own, which has no runs
        raise AccessError("PREFECT_API_URL is not set: name the Prefect server whose runs are to wake.")
    block = load_credentials(credentials)
    given = block.webhook_secret.get_secret_value() if block.webhook_secret else os.environ.get(SECRET)
    if not given:
        raise AccessError(
            f"{SECRET} is not set. OpenAI shows a webhook's secret when you make the webhook: set it in the "
            "environment, or give a credentials block that holds it.",
            variable=SECRET,
        )
    check_secret(given)
    kept = Inbox(inbox or default_inbox())
    with kept:
        pass  # it can be used; it is open while the app lives
    forwarder = Forwarder(kept, credentials)
    client = block.get_client()
    receiver = Receiver(kept, forwarder, client, given)

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        with kept, client, forwarder:
            yield

    routes = [Route("/", receiver.receive, methods=["POST"]), Route("/health", receiver.health)]
    return Starlette(routes=routes, lifespan=life)


def check_secret(secret: str) -> None:
    """Refuse a secret that signs with an empty key, as anybody can, or with none at all.

    Raises:
        AccessError: it is `whsec_` with nothing after it that is Base64.
    """
    try:
        key = b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    except binascii.Error:
        key = b""
    if not key:
        raise AccessError(f"{SECRET} is not whole: copy the webhook's secret again.", variable=SECRET)


def default_inbox() -> Path:
    """Where deliveries are kept unless one says otherwise."""
    return get_current_settings().home / "openai-batch-webhook.db"


async def _read(request: Request) -> bytes | None:
    """The body of a call; None where it is larger than any event."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _refused(why: str, status: int) -> Response:
    log.warning("A call to the webhook was refused: it %s", why)
    return PlainTextResponse(f"The call {why}.", status_code=status)
