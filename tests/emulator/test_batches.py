"""Batches: creation, the list, and the way from status to status."""

from collections.abc import Callable
from typing import Any

import pytest
from prefect_openai_batch.emulator import Timing

from .conftest import START
from .support import CHAT, Api, Item, chat_item, chat_items, error_of, good

Start = Callable[..., Api]
TIMES = (
    "in_progress_at",
    "finalizing_at",
    "completed_at",
    "failed_at",
    "expired_at",
    "cancelling_at",
    "cancelled_at",
)


def times(batch: Item) -> dict[str, float]:
    """A batch's timestamps that are set, in seconds after the start."""
    return {name: batch[name] - START for name in TIMES if batch[name] is not None}


@pytest.fixture
def real(start_server: Start) -> Api:
    """A server that takes its time as OpenAI does."""
    return start_server(timing=Timing.real())


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


def test_the_way_to_completed(real: Api) -> None:
    """Each status at its time, with what it brings: model and total, final counts, files and usage."""
    batch = real.submit(chat_items(10))
    real.server.advance(60)
    assert real.batch(batch["id"])["status"] == "validating"
    real.server.advance(1)
    running = real.batch(batch["id"])
    assert (running["status"], running["model"]) == ("in_progress", "gpt-4o-mini-2024-07-18")
    assert running["request_counts"] == {"total": 10, "completed": 0, "failed": 0}
    real.server.advance(65)
    half = real.batch(batch["id"])
    assert half["request_counts"] == {"total": 10, "completed": 4, "failed": 0}
    real.server.advance(65)
    finalizing = real.batch(batch["id"])
    assert (finalizing["status"], finalizing["output_file_id"]) == ("finalizing", None)
    assert finalizing["request_counts"]["completed"] == 10
    assert finalizing["usage"]["total_tokens"] == 0
    real.server.advance(1)
    done = real.batch(batch["id"])
    assert (done["status"], done["error_file_id"]) == ("completed", None)
    assert times(done) == {"in_progress_at": 61, "finalizing_at": 191, "completed_at": 192}
    assert done["usage"]["total_tokens"] == done["usage"]["input_tokens"] + done["usage"]["output_tokens"] > 0
    assert len(real.lines(done["output_file_id"])) == 10


def test_the_output_file_is_a_file(api: Api) -> None:
    """It has a name, a purpose and an end of its own; deleting it leaves the batch as it is."""
    done = api.finish(chat_items(2))
    file = good(api.http.get(f"/files/{done['output_file_id']}"))
    assert (file["purpose"], file["filename"]) == ("batch_output", f"{done['id']}_output.jsonl")
    assert file["created_at"] == done["completed_at"]
    assert file["expires_at"] == done["completed_at"] + 2_592_000
    content = api.http.get(f"/files/{file['id']}/content")
    assert len(content.content) == file["bytes"]
    assert content.content.endswith(b"}\n")
    good(api.http.delete(f"/files/{file['id']}"))
    assert api.batch(done["id"]) == done


def test_output_may_expire_sooner(api: Api) -> None:
    """`output_expires_after` counts from the file's own creation."""
    expiry = {"anchor": "created_at", "seconds": 3600}
    done = api.finish(chat_items(1), output_expires_after=expiry)
    file_id = done["output_file_id"]
    assert good(api.http.get(f"/files/{file_id}"))["expires_at"] == done["completed_at"] + 3600
    api.server.advance(3600)
    error_of(api.http.get(f"/files/{file_id}/content"), 404)
    assert api.batch(done["id"])["output_file_id"] == file_id


def test_the_input_file_may_go_while_its_batch_runs(real: Api) -> None:
    """A running batch has what it needs."""
    batch = real.submit(chat_items(10))
    real.server.advance(70)
    good(real.http.delete(f"/files/{batch['input_file_id']}"))
    real.server.advance(3600)
    assert real.batch(batch["id"])["request_counts"]["completed"] == 10


@pytest.mark.parametrize("count", [1, 7, 4999, 10_007])
def test_however_many_lines_they_all_run(api: Api, count: int) -> None:
    """Whatever the rounding of times makes of the last line."""
    batch = api.submit(chat_items(count))
    for _ in range(40):
        api.server.advance(0.1)
    assert api.batch(batch["id"])["request_counts"] == {"total": count, "completed": count, "failed": 0}


def test_a_leap_over_months(api: Api) -> None:
    """Each event at its time: the batch ran long before its files expired."""
    batch = api.submit(chat_items(1))
    api.server.advance(90 * 86_400)
    done = api.batch(batch["id"])
    assert done["status"] == "completed"
    error_of(api.http.get(f"/files/{done['output_file_id']}"), 404)


def test_a_window_that_closes_keeps_what_was_done(start_server: Start) -> None:
    """Expired: finalizing a second after the end, ten minutes later expired; the rest are batch_expired lines."""
    api = start_server(timing=Timing(validating=1, running=172_800, finalizing=1, expiring=606))
    batch = api.submit(chat_items(8))
    api.server.advance(86_399)
    assert api.batch(batch["id"])["status"] == "in_progress"
    api.server.advance(2)
    closing = api.batch(batch["id"])
    assert (closing["status"], closing["finalizing_at"]) == ("finalizing", closing["expires_at"] + 1)
    api.server.advance(606)
    expired = api.batch(batch["id"])
    assert expired["status"] == "expired"
    assert times(expired) == {"in_progress_at": 1, "finalizing_at": 86_401, "expired_at": 87_007}
    counts = expired["request_counts"]
    assert counts == {"total": 8, "completed": 3, "failed": 0}
    assert len(api.lines(expired["output_file_id"])) == 3
    errors = api.lines(expired["error_file_id"])
    assert len(errors) == 5
    for line in errors:
        assert set(line) == {"id", "custom_id", "response", "error"}
        assert line["response"] is None
        assert line["error"] == {
            "code": "batch_expired",
            "message": "This request could not be executed before the completion window expired.",
        }
    assert expired["usage"]["output_tokens"] > 0


def test_a_window_that_closes_before_anything_ran_leaves_no_output(start_server: Start) -> None:
    """Only an error file, and nobody counts as failed: as OpenAI's own sample shows."""
    api = start_server(timing=Timing(running=1_000_000))
    batch = api.submit(chat_items(2))
    api.server.advance(90_000)
    expired = api.batch(batch["id"])
    assert (expired["status"], expired["output_file_id"]) == ("expired", None)
    assert expired["request_counts"] == {"total": 2, "completed": 0, "failed": 0}
    assert len(api.lines(expired["error_file_id"])) == 2


def test_cancelling_takes_ten_minutes_and_keeps_what_was_done(real: Api) -> None:
    """Cancelled in the middle: what ran stays, the rest are batch_cancelled lines, finalizing_at is null."""
    batch = real.submit(chat_items(10))
    real.server.advance(61 + 65)
    response = real.http.post(f"/batches/{batch['id']}/cancel")
    assert b"\n" not in response.content, "OpenAI does not indent this one"
    assert good(response)["status"] == "cancelling"
    real.server.advance(605)
    assert real.batch(batch["id"])["status"] == "cancelling"
    real.server.advance(1)
    cancelled = real.batch(batch["id"])
    assert cancelled["status"] == "cancelled"
    assert times(cancelled) == {"in_progress_at": 61, "cancelling_at": 126, "cancelled_at": 732}
    assert cancelled["request_counts"] == {"total": 10, "completed": 4, "failed": 0}
    assert len(real.lines(cancelled["output_file_id"])) == 4
    assert {line["error"]["code"] for line in real.lines(cancelled["error_file_id"])} == {"batch_cancelled"}
    assert real.server.bill()["executed"] == 4
    assert good(real.http.post(f"/batches/{batch['id']}/cancel")) == cancelled


def test_cancelling_while_it_validates_leaves_nothing(real: Api) -> None:
    """No files, no counts, no in_progress_at."""
    batch = real.submit(chat_items(10))
    good(real.http.post(f"/batches/{batch['id']}/cancel"))
    real.server.advance(3600)
    cancelled = real.batch(batch["id"])
    assert times(cancelled) == {"cancelling_at": 0, "cancelled_at": 606}
    assert (cancelled["output_file_id"], cancelled["error_file_id"]) == (None, None)
    assert cancelled["request_counts"]["total"] == 0


@pytest.mark.parametrize("text", [b"no json", None], ids=["failed", "completed"])
def test_what_has_ended_cannot_be_cancelled(api: Api, text: bytes | None) -> None:
    """409 for completed and failed, in OpenAI's words."""
    ended = api.finish([chat_item(), *([text] if text else [])])
    assert error_of(api.http.post(f"/batches/{ended['id']}/cancel"), 409) == {
        "message": f"Cannot cancel a batch with status '{ended['status']}'.",
        "type": "invalid_request_error",
        "param": None,
        "code": None,
    }
    assert api.batch(ended["id"]) == ended


def test_an_expired_batch_cannot_be_cancelled(start_server: Start) -> None:
    """409 here too."""
    api = start_server(timing=Timing(running=1_000_000))
    batch = api.submit(chat_items(2))
    api.server.advance(90_000)
    assert "'expired'" in error_of(api.http.post(f"/batches/{batch['id']}/cancel"), 409)["message"]


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


def test_keys_are_asked_for(start_server: Start) -> None:
    """401 without a key and with a wrong one; control needs none."""
    api = start_server(key="secret")
    missing = error_of(api.http.get("/batches", headers={"authorization": ""}), 401)
    assert "You didn't provide an API key" in missing["message"]
    wrong = error_of(api.http.get("/batches", headers={"authorization": "Bearer sk-wrong-key-of-mine"}), 401)
    assert (wrong["type"], wrong["code"]) == ("invalid_request_error", "invalid_api_key")
    assert "wrong-key" not in wrong["message"]
    good(api.http.get("/batches"))
    good(api.http.get("/batches", headers={"authorization": "", "api-key": "secret"}))
    assert api.http.get(f"{api.server.url}/emulator/bill", headers={"authorization": ""}).is_success


def test_any_key_is_good_unless_one_is_given(api: Api) -> None:
    """But none at all is not."""
    good(api.http.get("/batches", headers={"authorization": "Bearer whatever"}))
    error_of(api.http.get("/batches", headers={"authorization": "Basic abc"}), 401)


def test_unknown_routes_and_methods(api: Api) -> None:
    """404 and 405 with error bodies."""
    assert "Invalid URL (GET /v1/cooking)" in error_of(api.http.get("/cooking"), 404)["message"]
    assert error_of(api.http.put("/batches"), 405)["code"] == "method_not_supported"


def test_answers_bear_openais_headers(api: Api) -> None:
    """Version, request id, organisation; and indented JSON."""
    response = api.http.get("/batches")
    assert response.headers["openai-version"] == "2020-10-01"
    assert response.headers["x-request-id"].startswith("req_")
    assert int(response.headers["openai-processing-ms"]) >= 0
    assert response.text.startswith('{\n  "object"')


def test_models(api: Api) -> None:
    """Known families are known, anything else is 404 with its code."""
    assert good(api.http.get("/models/gpt-5-mini"))["id"] == "gpt-5-mini"
    assert good(api.http.get("/models"))["object"] == "list"
    unknown: Any = error_of(api.http.get("/models/llama-9"), 404)
    assert (unknown["code"], unknown["param"]) == ("model_not_found", "model")
