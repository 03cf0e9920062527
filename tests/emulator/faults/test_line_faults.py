"""What goes wrong with lines, provoked, and seen from a plain client."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from prefect_openai_batch.emulator import LineFault

from ..support import Api, Item, chat_item, chat_items, endpoint_item

Start = Callable[..., Api]


def spoiled(api: Api, *faults: LineFault, count: int = 1, seed: int = 0) -> tuple[Item, list[Item], list[Item]]:
    """A batch under faults, with its output and error lines."""
    api.server.fail(*faults, seed=seed)
    batch = api.finish(chat_items(count))
    return batch, api.lines(batch["output_file_id"]), api.lines(batch["error_file_id"])


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "context_length_exceeded", "invalid_request_error"),
        (429, "rate_limit_exceeded", "requests"),
        (500, None, "server_error"),
        (503, None, "server_error"),
    ],
)
def test_a_line_fails(api: Api, status: int, code: str | None, kind: str) -> None:
    """`error: null` and a response that is not 200, in the error file; it ran, and is not billed."""
    batch, output, (line,) = spoiled(api, LineFault(kind="error", status=status))
    assert output == []
    assert line["error"] is None
    assert line["response"]["status_code"] == status
    error = line["response"]["body"]["error"]
    assert (error["code"], error["type"]) == (code, kind)
    assert batch["request_counts"] == {"total": 1, "completed": 0, "failed": 1}
    assert (api.server.bill()["executed"], api.server.bill()["billed"]) == (1, 0)


def test_a_line_times_out(api: Api) -> None:
    """No response at all, and its own code."""
    _, _, (line,) = spoiled(api, LineFault(kind="timeout"))
    assert line["response"] is None
    assert line["error"] == {"code": "request_timeout", "message": "The underlying call to the model timed out."}


def test_a_line_of_status_zero(api: Api) -> None:
    """As a community saw it."""
    _, output, errors = spoiled(api, LineFault(kind="status_zero"))
    assert [line["response"]["status_code"] for line in output + errors] == [0]


@pytest.mark.parametrize(
    ("kind", "reason", "content"), [("length", "length", "1 + "), ("content_filter", "content_filter", "")]
)
def test_answers_that_end_early(api: Api, kind: Any, reason: str, content: str) -> None:
    """200 all the same, with the reason."""
    _, (line,), _ = spoiled(api, LineFault(kind=kind))
    assert line["response"]["body"]["choices"][0]["finish_reason"] == reason


def test_a_refusal(api: Api) -> None:
    """No content, and the refusal's text."""
    _, (line,), _ = spoiled(api, LineFault(kind="refusal", message="No."))
    message = line["response"]["body"]["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "No.")


@pytest.mark.parametrize(
    ("kind", "status", "detail"),
    [
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("refusal", "completed", None),
    ],
)
def test_responses_that_end_early(api: Api, kind: Any, status: str, detail: Any) -> None:
    """The Responses API has its own words for it."""
    api.server.fail(LineFault(kind=kind))
    item = endpoint_item("/v1/responses", {"model": "gpt-4.1-nano", "input": "Hello there, friend."})
    body = api.answers([item], "/v1/responses")["item-0"]
    assert (body["status"], body["incomplete_details"]) == (status, detail)
    if kind == "refusal":
        assert body["output"][0]["content"][0]["type"] == "refusal"


def test_an_answer_that_breaks_its_schema(api: Api) -> None:
    """200, but no JSON."""
    api.server.fail(LineFault(kind="invalid_answer"))
    item = chat_item(response_format={"type": "json_object"})
    with pytest.raises(json.JSONDecodeError):
        json.loads(api.answers([item])["item-0"]["choices"][0]["message"]["content"])


def test_raw_separators(api: Api) -> None:
    """U+2028 and its like stand in the file as they are; lines still end with newlines only."""
    batch = spoiled(api, LineFault(kind="separators"), count=2)[0]
    text = api.http.get(f"/files/{batch['output_file_id']}/content").content.decode()
    assert len(text.splitlines()) > 2
    lines = [json.loads(line) for line in text.split("\n") if line]
    assert all("\u2028" in line["response"]["body"]["choices"][0]["message"]["content"] for line in lines)


def test_a_missing_line(api: Api) -> None:
    """Executed and billed, but in no file."""
    batch, output, errors = spoiled(api, LineFault(kind="missing", pattern='"item-1"'), count=3)
    assert {line["custom_id"] for line in output} == {"item-0", "item-2"}
    assert errors == []
    assert (batch["request_counts"]["completed"], api.server.bill()["billed"]) == (3, 3)


def test_a_doubled_line(api: Api) -> None:
    """The same line twice."""
    _, output, _ = spoiled(api, LineFault(kind="doubled"))
    assert len(output) == 2
    assert output[0] == output[1]


def test_a_foreign_line(api: Api) -> None:
    """A line that nobody here asked for."""
    _, output, _ = spoiled(api, LineFault(kind="foreign"))
    assert {line["custom_id"] for line in output} == {"item-0", "somebody-else-item-0"}


def test_a_line_fault_keeps_to_its_pattern_share_and_times(api: Api) -> None:
    """Which lines it strikes comes from the seed; after `times` an item goes through."""
    third = LineFault(kind="error", share=0.3)
    struck = {line["custom_id"] for line in spoiled(api, third, count=100)[2]}
    assert 10 < len(struck) < 60
    once = LineFault(kind="error", status=429, pattern="What is 1 \\+", times=1)
    assert len(spoiled(api, once, count=3)[2]) == 1
    again = api.finish(chat_items(3))
    assert again["error_file_id"] is None


def test_the_same_seed_makes_the_same_faults(start_server: Start) -> None:
    """Two servers, one script: the same lines are struck."""

    def struck(seed: int) -> set[str]:
        lines = spoiled(start_server(), LineFault(kind="error", share=0.5), count=60, seed=seed)[2]
        return {line["custom_id"] for line in lines}

    assert struck(7) == struck(7) != struck(8)
