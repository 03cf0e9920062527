"""Rates, and tokens enqueued."""

from collections.abc import Callable

from prefect_openai_batch.emulator import Limits, Timing

from ..support import CHAT, Api, chat_item, chat_items, endpoint_item, error_of, good

Start = Callable[..., Api]


def test_tokens_enqueued_for_a_model(start_server: Start) -> None:
    """A batch beyond the limit fails at validation, never over HTTP, and goes through once there is room."""
    api = start_server(limits=Limits(enqueued_tokens={"gpt-4o-mini": 100}), timing=Timing(running=600))
    first = api.submit([chat_item(0, "x" * 300)])
    second = api.submit([chat_item(1, "x" * 300)])
    other = api.submit([chat_item(2, "x" * 300, model="gpt-4o")])
    api.server.advance(1)
    assert api.batch(first["id"])["status"] == api.batch(other["id"])["status"] == "in_progress"
    assert api.batch(second["id"])["errors"]["data"] == [
        {
            "code": "token_limit_exceeded",
            "message": "Enqueued token limit reached for gpt-4o-mini in organization org-emulator. "
            "Limit: 100 enqueued tokens. "
            "Please try again once some in_progress batches have been completed.",
            "param": None,
            "line": None,
        }
    ]
    api.server.advance(600)
    assert api.finish([chat_item(1, "x" * 300)])["status"] == "completed"


def test_a_limit_for_every_other_model(start_server: Start) -> None:
    """The key `*`."""
    api = start_server(limits=Limits(enqueued_tokens={"gpt-4o": 10_000, "*": 5}))
    assert api.finish([chat_item(model="gpt-4o")])["status"] == "completed"
    assert api.finish([chat_item()])["errors"]["data"][0]["code"] == "token_limit_exceeded"


def test_embedding_requests_enqueued(start_server: Start) -> None:
    """Lines of all open embeddings batches together."""
    api = start_server(limits=Limits(enqueued_embedding_requests=3), timing=Timing(running=600))
    body = {"model": "text-embedding-3-small", "input": "a", "dimensions": 2}
    items = [endpoint_item("/v1/embeddings", body, str(number)) for number in range(2)]
    first, second = (api.submit(items, "/v1/embeddings") for _ in range(2))
    api.server.advance(1)
    assert api.batch(first["id"])["status"] == "in_progress"
    assert api.batch(second["id"])["errors"]["data"][0]["code"] == "token_limit_exceeded"


def test_batches_an_hour(start_server: Start) -> None:
    """429 with Retry-After; an hour after the first there is room again."""
    api = start_server(limits=Limits(batches_an_hour=2))
    asked = {"input_file_id": "file-x", "endpoint": CHAT, "completion_window": "24h"}
    good(api.http.post("/batches", json=asked))
    api.server.advance(600)
    good(api.http.post("/batches", json=asked))
    response = api.http.post("/batches", json=asked)
    assert error_of(response, 429)["code"] == "rate_limit_exceeded"
    assert response.headers["retry-after"] == "3000"
    api.server.advance(3000)
    good(api.http.post("/batches", json=asked))


def test_a_refused_creation_does_not_count(start_server: Start) -> None:
    """Only what was made."""
    api = start_server(limits=Limits(batches_an_hour=1))
    error_of(api.http.post("/batches", json={}), 400)
    api.create("file-x")


def test_uploads_a_minute(start_server: Start) -> None:
    """429 beyond."""
    api = start_server(limits=Limits(uploads_a_minute=1))
    api.upload(chat_items(1))
    response = api.http.post("/files", data={"purpose": "batch"}, files={"file": b"{}\n"})
    assert error_of(response, 429)["type"] == "requests"
    api.server.advance(60)
    api.upload(chat_items(1))


def test_requests_a_minute(start_server: Start) -> None:
    """Of any kind but control's."""
    api = start_server(limits=Limits(requests_a_minute=2))
    statuses = [api.http.get("/batches").status_code for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert api.http.get(f"{api.server.url}/emulator/state").is_success
    api.server.advance(60)
    good(api.http.get("/batches"))


def test_no_calls_at_all(start_server: Start) -> None:
    """A limit of zero lets nothing through, and says when to come back."""
    api = start_server(limits=Limits(requests_a_minute=0))
    assert api.http.get("/batches").headers["retry-after"] == "60"
