"""The receiver of OpenAI's webhooks in a process of its own, and what is delivered to it."""

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
from prefect_openai_batch.emulator.engine.webhooks import Delivery, sign

from ...conftest import BIN, free_port, running, wait_until

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGVzZSB0ZXN0cw=="
OTHER_SECRET = "whsec_c29tZWJvZHkgZWxzZSdzIHNlY3JldCwgbm90IG91cnM="


class Receiver:
    """A receiver that runs in a process of its own."""

    def __init__(self, url: str, inbox: Path, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.inbox = inbox
        self.log = log
        self.process = process

    def kept(self) -> list[str]:
        with closing(sqlite3.connect(self.inbox)) as database:
            return [row[0] for row in database.execute("SELECT webhook_id FROM deliveries")]

    def waits(self) -> float:
        """So many seconds after it came the latest delivery is dealt with again."""
        with closing(sqlite3.connect(self.inbox)) as database:
            (seconds,) = database.execute("SELECT max(due - received_at) FROM deliveries").fetchone()
        return float(seconds or 0)


@contextmanager
def receiving(folder: Path, environment: dict[str, str], port: int | None = None) -> Iterator[Receiver]:
    """A receiver, from the command line; the same folder, the same inbox."""
    port, inbox = port or free_port(), folder / "inbox.db"
    log = folder / f"receiver-{port}.log"
    command = [str(BIN / "prefect-openai-batch"), "webhook", "--port", str(port), "--inbox", str(inbox)]
    with running(command, environment, log) as process:
        wait_until(lambda: is_up(port), log.read_text)
        yield Receiver(f"http://127.0.0.1:{port}/", inbox, log, process)


def is_up(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").is_success
    except httpx.HTTPError:
        return False


def event(batch_id: str, kind: str = "batch.completed") -> bytes:
    wanted = {"id": f"evt_{uuid4().hex}", "object": "event", "type": kind, "created_at": int(time.time())}
    return json.dumps({**wanted, "data": {"id": batch_id}}).encode()


def signed(
    body: bytes, secret: str = SECRET, *, webhook_id: str | None = None, now: float | None = None
) -> dict[str, str]:
    return sign(Delivery(webhook_id or f"wh_{uuid4().hex}", body, 0, 0), secret, now)
