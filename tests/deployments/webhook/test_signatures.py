"""The receiver of OpenAI's webhooks: what is forged, stale or no news changes nothing."""

import json
import time
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import AccessError
from prefect_openai_batch.deployments.webhook.receiver import MOST_BYTES, make_app

from .receiving import OTHER_SECRET, SECRET, Receiver, event, signed

pytestmark = pytest.mark.server

bodies = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=100).map(str.encode),
    st.builds(event, st.text(min_size=1, max_size=50)),
    st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda one: st.dictionaries(st.text(), one)).map(
        lambda value: json.dumps(value).encode()
    ),
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80).map(str.strip)


@given(
    body=bodies,
    broken=st.one_of(
        st.just({"webhook-signature": "v1,"}),
        st.fixed_dictionaries({"webhook-signature": header_values}),
        st.fixed_dictionaries({"webhook-timestamp": header_values}),
        st.fixed_dictionaries({"webhook-id": header_values}),
        st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]).map(lambda name: {name: None}),
    ),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_not_signed_is_refused(receiver: Receiver, body: bytes, broken: dict[str, str | None]) -> None:
    """Whatever of the signature does not fit: nothing is kept."""
    before = receiver.kept()
    headers = {name: value for name, value in {**signed(body), **broken}.items() if value is not None}
    assert httpx.post(receiver.url, content=body, headers=headers).status_code == 400
    assert receiver.kept() == before


@given(
    body=bodies,
    secret_and_time=st.one_of(
        st.tuples(st.just(OTHER_SECRET), st.just(0.0)),
        st.tuples(st.just(SECRET), st.floats(-1e9, -310) | st.floats(310, 1e9)),
    ),
)
@settings(max_examples=100)
def test_what_is_forged_or_stale_is_refused(
    receiver: Receiver, body: bytes, secret_and_time: tuple[str, float]
) -> None:
    """Signed with another secret, or more than five minutes ago or ahead."""
    before = receiver.kept()
    secret, away = secret_and_time
    headers = signed(body, secret, now=time.time() + away)
    assert httpx.post(receiver.url, content=body, headers=headers).status_code == 400
    assert receiver.kept() == before


@given(body=bodies)
@settings(max_examples=100)
def test_what_is_signed_but_no_news_of_a_batch_is_not_kept(receiver: Receiver, body: bytes) -> None:
    """An answer in any case, never an error of the server."""
    before = receiver.kept()
    body = body.replace(b"batch.completed", b"response.completed")
    assert httpx.post(receiver.url, content=body, headers=signed(body)).status_code in (200, 400)
    assert receiver.kept() == before


def test_too_large_a_call_is_refused(receiver: Receiver) -> None:
    """It is not read to its end."""
    body = b" " * MOST_BYTES + event("batch_1")
    assert httpx.post(receiver.url, content=body, headers=signed(body)).status_code == 413
    assert httpx.get(receiver.url).status_code == 405


def test_a_receiver_without_a_secret_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error says where it is set."""
    monkeypatch.delenv("OPENAI_WEBHOOK_SECRET", raising=False)
    with pytest.raises(AccessError, match="OPENAI_WEBHOOK_SECRET is not set"):
        make_app(tmp_path / "inbox.db")
