"""Webhooks: what arrives, that it is signed, and that it comes again until it is taken."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import openai
import pytest
from prefect_openai_batch.emulator import BatchFault
from prefect_openai_batch.emulator.engine.webhooks import Delivery, sign

from ..support import SHARED, Api, chat_items, good, need_shared, shape

Start = Callable[..., Api]
SECRET = "whsec_c2VjcmV0IGZvciB0ZXN0cw=="


class Receiver:
    """Takes deliveries, and answers them with these statuses, the last one from then on."""

    def __init__(self) -> None:
        self.url = ""
        self.statuses = [200]
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self.arrived = threading.Condition()

    def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        """The deliveries, when there are as many."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.deliveries) >= count, 60), self.deliveries
            return list(self.deliveries)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver at `receiver.url`."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with kept.arrived:
                status = kept.statuses.pop(0) if len(kept.statuses) > 1 else kept.statuses[0]
                kept.deliveries.append(({name.lower(): value for name, value in self.headers.items()}, body))
                kept.arrived.notify_all()
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as web:
        kept.url = f"http://127.0.0.1:{web.server_port}/hook"
        thread = threading.Thread(target=web.serve_forever, args=(0.01,))
        thread.start()
        yield kept
        web.shutdown()
        thread.join()


@pytest.fixture
def api(start_server: Start, receiver: Any) -> Api:
    """A server that tells the receiver."""
    return start_server(webhook_url=receiver.url, webhook_secret=SECRET)


def test_each_end_is_told(api: Api, receiver: Receiver) -> None:
    """Completed, failed, expired and cancelled; only the id travels."""
    api.server.fail(BatchFault(kind="half_expired", batches=(3,)))
    ids = [
        api.submit(chat_items(1))["id"],
        api.submit([b"{?"])["id"],
        api.submit(chat_items(2))["id"],
        api.submit(chat_items(1))["id"],
    ]
    good(api.http.post(f"/batches/{ids[3]}/cancel"))
    api.server.advance(90_000)
    events = [json.loads(body) for _, body in receiver.wait_for(4)]
    told = {event["data"]["id"]: event["type"] for event in events}
    kinds = ("batch.completed", "batch.failed", "batch.expired", "batch.cancelled")
    assert told == dict(zip(ids, kinds, strict=True))
    assert all(set(event) == {"object", "id", "type", "created_at", "data"} for event in events)


def test_a_delivery_is_shaped_as_openais(api: Api, receiver: Receiver) -> None:
    """Headers and body of the guide's sample."""
    need_shared()
    head, _, body = (SHARED / "samples/webhooks/response_completed_request.http").read_text().partition("\n\n")
    sample = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    api.finish(chat_items(1))
    headers, ours = receiver.wait_for(1)[0]
    assert set(sample) <= set(headers)
    assert headers["user-agent"] == sample["user-agent"]
    assert headers["webhook-id"].startswith("wh_")
    assert headers["webhook-signature"].startswith("v1,")
    assert shape(json.loads(ours)) == shape(json.loads(body))


def test_the_sdk_takes_it(api: Api, receiver: Receiver) -> None:
    """OpenAI's own check of the signature, and its refusal of anything else."""
    done = api.finish(chat_items(1))
    headers, body = receiver.wait_for(1)[0]
    with openai.OpenAI(api_key="any", webhook_secret=SECRET) as client:
        event: Any = client.webhooks.unwrap(body, headers)
        assert (event.type, event.data.id) == ("batch.completed", done["id"])
        with pytest.raises(openai.InvalidWebhookSignatureError):
            client.webhooks.unwrap(body + b" ", headers)


def test_plain_secrets_sign_too() -> None:
    """A secret without the prefix is taken as it is."""
    delivery = Delivery("wh_1", b"{}", 0, 0)
    headers = sign(delivery, "plain", now=time.time())
    with openai.OpenAI(api_key="any") as client:
        client.webhooks.verify_signature(b"{}", headers, secret="plain")


@pytest.mark.parametrize("status", [500, 302, 404])
def test_a_refused_delivery_comes_again(api: Api, receiver: Receiver, status: int) -> None:
    """With the same id, after 1, 2, 4 seconds, until it is taken; then never more."""
    receiver.statuses = [status, status, 204]
    api.finish(chat_items(1))
    for _ in range(3_000):  # the wait begins when the refusal has arrived, which takes its time
        if len(receiver.deliveries) == 3:
            break
        api.server.advance(0.5)
        time.sleep(0.01)
    deliveries = receiver.wait_for(3)
    api.server.advance(1_000)
    time.sleep(0.05)
    assert len(receiver.deliveries) == 3
    assert len({headers["webhook-id"] for headers, _ in deliveries}) == 1


def test_patience_ends_after_three_days(api: Api, receiver: Receiver) -> None:
    """A receiver that never takes it is left alone in the end."""
    receiver.statuses = [500]
    api.finish(chat_items(1))
    for count in range(1, 60):
        receiver.wait_for(count) if count < 5 else None
        api.server.advance(7200)
        time.sleep(0.005)
    settled = len(receiver.deliveries)
    api.server.advance(100_000)
    time.sleep(0.05)
    assert 5 <= settled == len(receiver.deliveries)


def test_nobody_there(start_server: Start) -> None:
    """A receiver that is down harms nothing."""
    api = start_server(webhook_url="http://127.0.0.1:9/hook")
    assert api.finish(chat_items(1))["status"] == "completed"
