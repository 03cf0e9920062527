"""What a line of an output or error file means, on lines shaped as the recorded ones are."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from prefect_openai_batch.batch.outcomes.outcome import read_outcome
from prefect_openai_batch.batch.requests.endpoints import Endpoint

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"

USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def line(body: Any, status: int = 200) -> dict[str, Any]:
    """A line as OpenAI writes it, around a body."""
    return {
        "id": "batch_req_1",
        "custom_id": "a",
        "response": {"status_code": status, "request_id": "r1", "body": body},
        "error": None,
    }


def chat(message: dict[str, Any], finish_reason: str = "stop") -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "refusal": None, **message},
        "finish_reason": finish_reason,
    }
    return {"id": "chatcmpl-1", "model": "gpt-5-mini-2025", "choices": [choice], "usage": USAGE}


def response(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    return {
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "gpt-5-mini-2025",
        "output": list(output),
        "usage": usage,
        **fields,
    }


def message(*texts: str) -> dict[str, Any]:
    return {"type": "message", "content": [{"type": "output_text", "text": text} for text in texts]}


CALL = {"id": "call_1", "type": "function", "function": {"name": "label", "arguments": '{"x":1}'}}
FUNCTION_CALL = {"type": "function_call", "name": "label", "arguments": '{"x":1}'}
REFUSAL = {"type": "message", "content": [{"type": "refusal", "refusal": "I cannot."}]}
MODERATION = {"flagged": True, "categories": {"violence": True}}
IMAGE = {"created": 1, "data": [{"url": "https://example.com/1.png"}]}
VIDEO = {"id": "video_1", "object": "video", "status": "completed"}

CHAT, RESPONSES = Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES

SUCCEEDED = [
    (CHAT, chat({"content": "Fine."}), "Fine.", "stop"),
    (CHAT, chat({"content": "Fi"}, "length"), "Fi", "length"),
    (CHAT, chat({"content": ""}, "content_filter"), None, "content_filter"),
    (CHAT, chat({"content": [{"type": "text", "text": "Fine."}]}), "Fine.", "stop"),
    (CHAT, chat({"content": None, "tool_calls": [CALL]}, "tool_calls"), [CALL], "tool_calls"),
    (RESPONSES, response(message("Fine.")), "Fine.", "stop"),
    (RESPONSES, response({"type": "reasoning"}, message(""), message("Fi"), message("Fine.")), "Fine.", "stop"),
    (RESPONSES, response(message("Fine."), message("")), "Fine.", "stop"),
    (RESPONSES, response(message("Fi", "ne.")), "Fine.", "stop"),
    (
        RESPONSES,
        response(message("Fi"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        "Fi",
        "length",
    ),
    (RESPONSES, response(message("Hal"), status="incomplete"), "Hal", "incomplete"),
    (RESPONSES, response(message("Hello"), status=""), "Hello", "stop"),
    (RESPONSES, response(message("Hello"), status=7), "Hello", "stop"),
    (RESPONSES, response(status="in_progress"), None, "in_progress"),
    (RESPONSES, response(message("Hal"), status=None), "Hal", "stop"),
    (RESPONSES, response(FUNCTION_CALL, status="incomplete"), [FUNCTION_CALL], "incomplete"),
    (RESPONSES, response(REFUSAL, message("Fine.")), "Fine.", "stop"),
    (RESPONSES, response({"type": "reasoning"}, FUNCTION_CALL), [FUNCTION_CALL], "tool_calls"),
    (Endpoint.COMPLETIONS, {"choices": [{"text": "Fine.", "finish_reason": "stop"}]}, "Fine.", "stop"),
    (Endpoint.MODERATIONS, {"results": [MODERATION]}, MODERATION, None),
    (Endpoint.MODERATIONS, {"results": [MODERATION, MODERATION]}, [MODERATION, MODERATION], None),
    (Endpoint.IMAGE_GENERATIONS, IMAGE, IMAGE, None),
    (Endpoint.IMAGE_EDITS, IMAGE, IMAGE, None),
    (Endpoint.VIDEOS, VIDEO, VIDEO, None),
]


@pytest.mark.parametrize(("endpoint", "body", "answer", "finish_reason"), SUCCEEDED)
def test_an_answer_is_read_from_each_endpoints_body(
    endpoint: Endpoint, body: dict[str, Any], answer: Any, finish_reason: str | None
) -> None:
    """Text stays text; what is no text becomes JSON text."""
    outcome = read_outcome(endpoint, line(body))
    found = outcome.answer if isinstance(answer, str | None) else json.loads(outcome.answer)
    assert (outcome.outcome, outcome.again, found) == ("succeeded", False, answer)
    assert outcome.finish_reason == finish_reason


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (CHAT, chat({"content": None, "refusal": "I cannot."})),
        (RESPONSES, response(REFUSAL)),
        (RESPONSES, response(message("Let me see."), REFUSAL, message(""))),
        (RESPONSES, response({"type": "message", "content": message("Sure: ")["content"] + REFUSAL["content"]})),
    ],
    ids=["chat", "responses", "after another message", "after a text"],
)
def test_a_refusal_succeeds_without_an_answer(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """Its text is the error's message; it was paid for and is not sent again."""
    outcome = read_outcome(endpoint, line(body))
    assert (outcome.outcome, outcome.again, outcome.answer) == ("succeeded", False, None)
    assert (outcome.error_code, outcome.error_message) == ("refusal", "I cannot.")


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        *((CHAT, chat({"content": "x"})), (RESPONSES, response(message("x")))),
        *((CHAT, chat({}) | {"choices": []}), (RESPONSES, response(output=None))),
    ],
    ids=["chat", "responses", "chat of no shape", "responses of no shape"],
)
def test_tokens_model_and_request_are_kept(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """Both dialects of usage give the same counts, also where the answer cannot be read: it was paid."""
    outcome = read_outcome(endpoint, line(body))
    counts = (outcome.input_tokens, outcome.cached_tokens, outcome.output_tokens, outcome.reasoning_tokens)
    assert counts == (10, 2, 7, 3)
    assert (outcome.model, outcome.request_id) == ("gpt-5-mini-2025", "r1")


BODY = chat({"content": "Fine \ud83d."})
AS_TEXT = {
    "body": line(json.dumps(BODY)),
    "response": {"custom_id": "a", "response": json.dumps(line(BODY)["response"])},
    "body in response": {"custom_id": "a", "response": json.dumps(line(json.dumps(BODY))["response"])},
    "bare body": {"custom_id": "a", "response": json.dumps(BODY)},
    "no status": {"custom_id": "a", "response": {"body": json.dumps(BODY)}},
}


@pytest.mark.parametrize("name", AS_TEXT)
def test_what_comes_as_json_text_is_read_as_what_it_holds(name: str) -> None:
    """Body or whole response, with half an emoji too; kept, it is the object."""
    outcome = read_outcome(CHAT, AS_TEXT[name], keep_response=True)
    assert (outcome.outcome, outcome.answer, outcome.output_tokens) == ("succeeded", "Fine ?.", 7)
    assert json.loads(outcome.response or "")["choices"][0]["message"]["content"] == "Fine ?."


@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize("body", [None, "", [], "Sorry.", 7], ids=["null", "empty", "list", "text", "number"])
def test_a_body_that_is_no_object_is_no_answer_of_any_endpoint(endpoint: Endpoint, body: Any) -> None:
    """It goes again."""
    outcome = read_outcome(endpoint, line(body))
    assert (outcome.outcome, outcome.again, outcome.error_code) == ("failed", True, "unreadable_response")


def test_the_whole_body_is_kept_on_request() -> None:
    """Kept, it is JSON text of what came."""
    body = chat({"content": "x"})
    assert json.loads(read_outcome(CHAT, line(body), keep_response=True).response or "") == body
    assert read_outcome(CHAT, line(body)).response is None


def error(code: str, text: str = "Sorry.") -> dict[str, Any]:
    return {"error": {"message": text, "type": "some_error", "param": None, "code": code}}


def unexecuted(code: str) -> dict[str, Any]:
    return {"id": "b", "custom_id": "a", "response": None, "error": {"code": code, "message": "Sorry."}}


NOT_SUCCEEDED = [
    (line(error("context_length_exceeded"), 400), "failed", False, "context_length_exceeded"),
    (line({"error": {"message": "Sorry.", "type": "invalid", "code": None}}, 404), "failed", False, "invalid"),
    (line(error("rate_limit_exceeded"), 429), "failed", True, "rate_limit_exceeded"),
    (line(error("server_error"), 500), "failed", True, "server_error"),
    (line(error("overloaded"), 503), "failed", True, "overloaded"),
    (line(None, 0), "failed", True, "0"),
    (line("<html>Sorry.</html>", 502), "failed", True, "502"),
    (line({}), "failed", True, "unreadable_response"),
    (line({"choices": []}), "failed", True, "unreadable_response"),
    (line(error("insufficient_quota")), "failed", True, "insufficient_quota"),
    (line({"error": "Sorry."}), "failed", True, "unreadable_response"),
    (line({"object": "error", "message": "Sorry.", "code": 400, "error": None}, 400), "failed", False, "400"),
    (line({"detail": "Sorry."}, 422), "failed", False, "422"),
    (unexecuted("batch_expired"), "expired", True, "batch_expired"),
    (unexecuted("batch_cancelled"), "cancelled", False, "batch_cancelled"),
    (unexecuted("request_timeout"), "failed", True, "request_timeout"),
    *((unexecuted(code), "failed", True, code) for code in ("server_error", "internal_error", "500", "429")),
    *((unexecuted(code), "failed", True, code) for code in ("rate_limit_exceeded", "insufficient_quota")),
    *((unexecuted(code), "failed", False, code) for code in ("something_new", "400")),
    (
        line(None, 400) | {"error": {"message": "Sorry.", "type": "BadRequestError"}},
        "failed",
        False,
        "BadRequestError",
    ),
    (line({}, 400) | {"error": {"error": {"message": "Sorry.", "code": 400}}}, "failed", False, "400"),
    (line(None) | {"error": {"message": "Sorry.", "code": "odd"}}, "failed", True, "odd"),
    (line(error("one"), 400) | {"error": {"message": "Another.", "code": "other"}}, "failed", False, "one"),
    ({"error": {"code": "odd", "message": "Sorry.", "error": "Bad Request"}}, "failed", False, "odd"),
    ({"custom_id": "a"}, "failed", True, None),
    (line(None), "failed", True, "unreadable_response"),
    (line(""), "failed", True, "unreadable_response"),
    (line([]), "failed", True, "unreadable_response"),
    (line("<html>Sorry.</html>"), "failed", True, "unreadable_response"),
    (line(json.dumps({"choices": []})), "failed", True, "unreadable_response"),
    (line(json.dumps(error("context_length_exceeded")), 400), "failed", False, "context_length_exceeded"),
    (
        line({"error": json.dumps(error("rate_limit_exceeded")["error"])}, 429),
        "failed",
        True,
        "rate_limit_exceeded",
    ),
    ({"response": json.dumps(line(error("server_error"), 500)["response"])}, "failed", True, "server_error"),
    ({"error": '{"code": "batch_expired", "message": "Sorry."}'}, "expired", True, "batch_expired"),
]


@pytest.mark.parametrize(("found", "kind", "again", "code"), NOT_SUCCEEDED)
def test_what_went_wrong_is_told_apart(found: dict[str, Any], kind: str, again: bool, code: str | None) -> None:
    """Passing troubles are worth another try, a bad request is final, and each gives its reason."""
    outcome = read_outcome(CHAT, found)
    assert (outcome.outcome, outcome.again, outcome.error_code) == (kind, again, code)
    assert outcome.answer is None
    assert outcome.error_message
    if "Sorry." in str(found) and "<html>" not in str(found):
        assert outcome.error_message == "Sorry."


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (RESPONSES, response(status="failed", error={"code": "server_error", "message": "Sorry."})),
        (
            Endpoint.VIDEOS,
            {**VIDEO, "status": "failed", "error": {"code": "server_error", "message": "Sorry."}},
        ),
    ],
)
def test_a_body_can_fail_under_status_200(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """Such a row has no answer, and is worth another try."""
    outcome = read_outcome(endpoint, line(body))
    assert (outcome.outcome, outcome.again, outcome.answer) == ("failed", True, None)
    assert (outcome.error_code, outcome.error_message) == ("server_error", "Sorry.")


def need_samples() -> None:
    if not SAMPLES.exists():
        assert "SHARED_REQUIRED" not in os.environ, f"{SAMPLES} is missing"
        pytest.skip("the recorded traffic is not beside this checkout")


@pytest.mark.parametrize(
    ("sample", "endpoint", "begins"),
    [
        ("openai/output_chat_gpt35_3lines_2025-01.jsonl", CHAT, "Spaghetti is a type of pasta"),
        ("openai/output_responses_message.jsonl", RESPONSES, "太陽系の惑星は"),
        ("azure/output_chat_line_no_id.jsonl", CHAT, "Microsoft was founded"),
    ],
    ids=["openai chat", "openai responses", "azure chat"],
)
def test_recorded_lines_are_read(sample: str, endpoint: Endpoint, begins: str) -> None:
    """The real service's own lines give their answers."""
    need_samples()
    first = (SAMPLES / sample).read_bytes().split(b"\n")[0]
    outcome = read_outcome(endpoint, json.loads(first))
    assert outcome.outcome == "succeeded"
    assert outcome.answer.startswith(begins)
    assert outcome.output_tokens


def test_recorded_embeddings_and_errors_are_read() -> None:
    """A vector's numbers, and a quota's end, as they were recorded."""
    need_samples()
    vector = (SAMPLES / "openai/output_embeddings_2026-08_truncated8.jsonl").read_bytes().splitlines()[0]
    assert len(read_outcome(Endpoint.EMBEDDINGS, json.loads(vector)).answer) == 8
    quota = (SAMPLES / "openai/error_chat_429_insufficient_quota.jsonl").read_bytes().splitlines()[0]
    assert read_outcome(CHAT, json.loads(quota)).error_code == "insufficient_quota"
