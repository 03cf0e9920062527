"""Batches: creation and the list."""

import pytest

from ..conftest import START
from ..support import CHAT, TIMES, Api, Item, chat_item, chat_items, error_of, good


def test_a_new_batch_validates(api: Api) -> None:
    """Every key is there from the beginning; the window's end is known, counts and usage are zero."""
    file = api.upload(chat_items(2))
    batch = api.create(file["id"], metadata={"job": "a"})
    assert batch == {
        "id": batch["id"],
        "object": "batch",
        "endpoint": CHAT,
        "model": None,
        "errors": None,
        "input_file_id": file["id"],
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": START,
        **dict.fromkeys(TIMES),
        "expires_at": START + 86_400,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "usage": {
            "input_tokens": 0,
            "output_tokens": 0,
            "total_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
        "metadata": {"job": "a"},
    }
    assert batch["id"].startswith(f"batch_{int(START):08x}")
    assert len(batch["id"]) == len("batch_") + 32
    assert api.batch(batch["id"]) == batch


@pytest.mark.parametrize("path", ["/batches/batch_none", "/batches/batch_none/cancel"])
def test_an_unknown_batch_is_404(api: Api, path: str) -> None:
    """In OpenAI's words."""
    method = "POST" if path.endswith("cancel") else "GET"
    assert error_of(api.http.request(method, path), 404)["message"] == "No batch found with id 'batch_none'."


def test_the_list_is_newest_first_and_pages(api: Api) -> None:
    """Twenty by default; `after` goes on from the last id; the last page says that there is no more."""
    made = [api.submit([chat_item()])["id"] for _ in range(23)][::-1]
    first = good(api.http.get("/batches"))
    assert [batch["id"] for batch in first["data"]] == made[:20]
    assert (first["first_id"], first["last_id"], first["has_more"]) == (made[0], made[19], True)
    second = good(api.http.get("/batches", params={"after": made[19], "limit": 3}))
    assert [batch["id"] for batch in second["data"]] == made[20:]
    assert second["has_more"] is False
    nothing = good(api.http.get("/batches", params={"after": made[-1]}))
    assert nothing == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"limit": "x"}, {"after": "batch_none"}])
def test_a_bad_list_query_is_refused(api: Api, query: dict[str, str]) -> None:
    """400, naming the parameter."""
    assert error_of(api.http.get("/batches", params=query), 400)["param"] == next(iter(query))


FILE = {"input_file_id": "file-x", "endpoint": CHAT, "completion_window": "24h"}


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"endpoint": "/v1/cooking"}, "endpoint", "invalid_value"),
        ({"completion_window": "48h"}, "completion_window", "invalid_value"),
        ({"input_file_id": None}, "input_file_id", "missing_required_parameter"),
        ({"endpoint": None}, "endpoint", "missing_required_parameter"),
        ({"completion_window": None}, "completion_window", "missing_required_parameter"),
        ({"input_file_id": 7}, "input_file_id", "invalid_type"),
        ({"metadata": {"tags": ["a"]}}, "metadata.tags", "invalid_type"),
        ({"metadata": "a"}, "metadata", "invalid_type"),
        ({"metadata": {str(key): "" for key in range(17)}}, "metadata", "object_above_max_properties"),
        ({"metadata": {"k" * 65: ""}}, "metadata", "string_above_max_length"),
        ({"metadata": {"k": "v" * 513}}, "metadata", "string_above_max_length"),
        ({"output_expires_after": 3600}, "output_expires_after", "invalid_type"),
        (
            {"output_expires_after": {"anchor": "now", "seconds": 3600}},
            "output_expires_after.anchor",
            "invalid_value",
        ),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": 3599}},
            "output_expires_after.seconds",
            "integer_below_min_value",
        ),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": 2_592_001}},
            "output_expires_after.seconds",
            "integer_above_max_value",
        ),
        (
            {"output_expires_after": {"anchor": "created_at", "seconds": "x"}},
            "output_expires_after.seconds",
            "invalid_type",
        ),
    ],
)
def test_a_bad_creation_is_refused(api: Api, change: Item, param: str, code: str) -> None:
    """400 with OpenAI's code, naming the parameter; no batch comes of it."""
    error = error_of(api.http.post("/batches", json={**FILE, **change}), 400)
    assert (error["param"], error["code"]) == (param, code)
    assert api.server.state()["batches"] == []


def test_words_of_the_refusals(api: Api) -> None:
    """The texts that were seen from OpenAI."""
    tags = error_of(api.http.post("/batches", json={**FILE, "metadata": {"tags": ["a"]}}), 400)
    assert tags["message"] == "Invalid type for 'metadata.tags': expected a string, but got an array instead."
    endpoint = error_of(api.http.post("/batches", json={**FILE, "endpoint": "/v1/x"}), 400)
    assert "Supported values" in endpoint["message"]


def test_broken_json_is_refused(api: Api) -> None:
    """A body that is no JSON object."""
    error_of(api.http.post("/batches", content=b"{"), 400)
    error_of(api.http.post("/batches", content=b"[]"), 400)
