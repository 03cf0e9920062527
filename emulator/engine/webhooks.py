"""Webhooks as OpenAI sends them: signed the Standard Webhooks way, and tried again until they are taken."""

import base64
import hashlib
import hmac
import logging
import secrets
import threading
import time
from dataclasses import dataclass

import httpx2
import orjson

from ..clock import Clock
from ..settings import ServerSettings
from .records import BatchRecord

_PATIENCE = 72 * 3600
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 3600.0

log = logging.getLogger(__name__)


@dataclass
class Delivery:
    """One event on its way."""

    id: str
    body: bytes
    created_at: float
    due: float
    wait: float = _FIRST_WAIT
    attempts: int = 0


class Webhooks:
    """Sends an event when a batch ends, in a thread of its own.

    A receiver that does not answer with 2xx within five seconds is tried again after 1 s, 2 s, 4 s and so on, for
    72 hours on the server's clock, with the same `webhook-id`.
    """

    def __init__(self, settings: ServerSettings, clock: Clock) -> None:
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret
        self._clock = clock
        self._waiting: list[Delivery] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="batch-webhooks", daemon=True)

    def start(self) -> None:
        """Begin to send, where there is somebody to send to."""
        if self._url is not None:
            self._thread.start()

    def stop(self) -> None:
        """Stop sending; what is still on its way is dropped."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def batch_ended(self, batch: BatchRecord) -> None:
        """Send `batch.completed`, `batch.failed`, `batch.expired` or `batch.cancelled`."""
        if self._url is None:
            return
        now = self._clock.now()
        event = {
            "object": "event",
            "id": f"evt_{secrets.token_hex(16)}",
            "type": f"batch.{batch.status}",
            "created_at": int(now),
            "data": {"id": batch.id},
        }
        with self._lock:
            self._waiting.append(Delivery(f"wh_{secrets.token_hex(16)}", orjson.dumps(event), now, now))
        self.notify()

    def notify(self) -> None:
        """Say that the clock has moved, or that there is something to send."""
        self._wake.set()

    def _run(self) -> None:
        with httpx2.Client(timeout=5) as client:
            while not self._stopped:
                self._wake.clear()
                self._send_due(client)
                with self._lock:
                    due = min((delivery.due for delivery in self._waiting), default=None)
                self._wake.wait(None if due is None else self._clock.true_seconds_until(due))

    def _send_due(self, client: httpx2.Client) -> None:
        now = self._clock.now()
        with self._lock:
            due = [delivery for delivery in self._waiting if delivery.due <= now]
        for delivery in due:
            taken = self._send(client, delivery)
            delivery.attempts += 1
            delivery.due, delivery.wait = now + delivery.wait, min(delivery.wait * 2, _LONGEST_WAIT)
            if taken or delivery.due > delivery.created_at + _PATIENCE:
                with self._lock:
                    self._waiting.remove(delivery)

    def _send(self, client: httpx2.Client, delivery: Delivery) -> bool:
        assert self._url is not None
        try:
            response = client.post(self._url, content=delivery.body, headers=sign(delivery, self._secret))
        except httpx2.HTTPError as error:
            log.info("the webhook %s was not taken: %s", delivery.id, error)
            return False
        return response.is_success


def sign(delivery: Delivery, secret: str, now: float | None = None) -> dict[str, str]:
    """The headers of a delivery. The timestamp is true time, whatever the server's clock says: it is checked."""
    timestamp = str(int(time.time() if now is None else now))
    key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
    signed = f"{delivery.id}.{timestamp}.".encode() + delivery.body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "user-agent": "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)",
        "webhook-id": delivery.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{signature}",
    }
