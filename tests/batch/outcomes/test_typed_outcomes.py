"""What becomes of a row whose answer has a type."""

import json
from typing import Any

import pytest
from prefect_openai_batch.batch.files.output_files import parse_line
from prefect_openai_batch.batch.outcomes.outcome import read_outcome
from prefect_openai_batch.batch.outcomes.outcome_columns import outcome_schema
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.schemas.answer_types import AnswerType, as_answer_type

from .test_outcomes import chat, line

CHAT, RESPONSES = Endpoint.CHAT_COMPLETIONS, Endpoint.RESPONSES
MOOD = as_answer_type({"mood": "happy | angry", "stars": "integer?"})
GOOD, BAD, HALF = '{"mood":"happy","stars":5}', '{"mood":"sad","stars":5}', '{"mood":"hap'


def response(*messages: str, **more: Any) -> dict[str, Any]:
    """A body of the Responses API with these messages."""
    output = [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}
        for text in messages
    ]
    return {"object": "response", "status": "completed", "model": "gpt-5-mini", "output": output, **more}


FITS = {
    "chat": (CHAT, chat({"content": GOOD})),
    "chat in a fence": (CHAT, chat({"content": f"```json\n{GOOD}\n```"})),
    "chat in parts": (CHAT, chat({"content": [{"type": "text", "text": HALF}, {"type": "text", "text": GOOD}]})),
    "chat by a tool": (
        CHAT,
        chat(
            {"content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": GOOD}}]}
        ),
    ),
    "chat beside a tool": (
        CHAT,
        chat({"content": GOOD, "tool_calls": [{"function": {"name": "look", "arguments": '{"at":"x"}'}}]}),
    ),
    "completions": (Endpoint.COMPLETIONS, {"choices": [{"text": GOOD, "finish_reason": "stop"}]}),
    "responses": (RESPONSES, response(GOOD)),
    "responses beside a tool": (
        RESPONSES,
        {
            **response(),
            "output": [*response(GOOD)["output"], {"type": "function_call", "arguments": '{"at":"x"}'}],
        },
    ),
    "broken off, then whole": (RESPONSES, response(HALF, GOOD)),
    "whole, then broken off": (RESPONSES, response(GOOD, HALF)),
    "responses by a tool": (
        RESPONSES,
        {**response(), "output": [{"type": "function_call", "name": "f", "arguments": GOOD}]},
    ),
}


@pytest.mark.parametrize("name", FITS)
def test_an_answer_that_fits_has_its_fields(name: str) -> None:
    """Wherever in the response it stands; the answer itself is its JSON text."""
    endpoint, body = FITS[name]
    outcome = read_outcome(endpoint, line(body), answer=MOOD)
    assert (outcome.outcome, outcome.again) == ("succeeded", False)
    assert outcome.fields == {"mood": "happy", "stars": 5}
    assert outcome.answer == GOOD


BREAKS = {
    "another word": (CHAT, chat({"content": BAD}), "mood: "),
    "half": (CHAT, chat({"content": HALF}, "length"), "cut off by length: the answer is not JSON"),
    "filtered": (CHAT, chat({"content": HALF}, "content_filter"), "cut off by content_filter: "),
    "nothing": (CHAT, chat({"content": None}), "there is no answer"),
    "half responses": (
        RESPONSES,
        response(HALF, status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
        "cut off by length: ",
    ),
    "two that break": (RESPONSES, response(HALF, BAD), "mood: "),
}


@pytest.mark.parametrize("name", BREAKS)
def test_an_answer_that_breaks_its_schema_is_invalid(name: str) -> None:
    """It says why, keeps its text and goes again, unless that is not wanted."""
    endpoint, body, why = BREAKS[name]
    outcome = read_outcome(endpoint, line(body), answer=MOOD)
    assert (outcome.outcome, outcome.error_code, outcome.again) == ("invalid", "invalid_answer", True)
    assert (outcome.error_message or "").startswith(why)
    assert outcome.fields is None
    assert MOOD is not None
    once = read_outcome(endpoint, line(body), answer=AnswerType(MOOD.schema, retry_invalid=False))
    assert (once.outcome, once.again) == ("invalid", False)


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (CHAT, chat({"content": None, "tool_calls": [{"type": "custom", "custom": {"input": "kept"}}]})),
        (RESPONSES, {**response(), "output": [{"type": "custom_tool_call", "input": "kept"}]}),
    ],
    ids=["chat", "responses"],
)
def test_what_was_said_otherwise_is_kept(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """A custom tool's call is no typed answer, and was paid."""
    outcome = read_outcome(endpoint, line(body), answer=MOOD)
    assert (outcome.outcome, outcome.error_message) == ("invalid", "there is no answer")
    assert "kept" in str(outcome.answer)


def test_a_refusal_need_not_fit() -> None:
    """It is an answer of its own kind."""
    outcome = read_outcome(CHAT, line(chat({"content": None, "refusal": "No."})), answer=MOOD)
    assert (outcome.outcome, outcome.answer, outcome.fields) == ("succeeded", None, None)


def test_a_failure_stays_what_it_is() -> None:
    """No answer is looked for in an error."""
    outcome = read_outcome(
        CHAT, line({"error": {"code": "rate_limit_exceeded", "message": "Slow."}}, 429), answer=MOOD
    )
    assert (outcome.outcome, outcome.error_code) == ("failed", "rate_limit_exceeded")


def test_the_columns_are_fixed_by_the_type() -> None:
    """And are as before where answers have none."""
    assert outcome_schema(CHAT, MOOD).field("fields").type == (MOOD and MOOD.columns)
    assert "fields" not in outcome_schema(CHAT).names
    assert json.loads(GOOD) == {"mood": "happy", "stars": 5}


WHEN = as_answer_type({"when": "date", "how_much": "number", "how_many": "integer"})
HELD = {"when": "2026-01-01", "how_much": 1.5, "how_many": 3}


@pytest.mark.parametrize(
    "odd",
    [{"when": "0000-01-01"}, {"how_much": 10**400}],
    ids=["the year 0", "a float beyond all"],
)
def test_an_answer_that_no_column_holds_is_invalid(odd: dict[str, Any]) -> None:
    """It keeps to its schema; one such row kept all of its batch from being fetched."""
    outcome = read_outcome(CHAT, line(chat({"content": json.dumps({**HELD, **odd})})), answer=WHEN)
    assert outcome.outcome == "invalid"
    assert "no column" in str(outcome.error_message)
    assert outcome.fields is None


@pytest.mark.parametrize(
    "calls",
    [[{"type": "function", "function": {"name": "f"}}], [{"type": "function", "function": None}], 5],
    ids=["no arguments", "no function", "no list"],
)
def test_calls_of_no_shape_are_no_typed_answer(calls: Any) -> None:
    """As other servers may send them: the row goes again, and the others of its batch are read."""
    outcome = read_outcome(CHAT, line(chat({"content": None, "tool_calls": calls})), answer=MOOD)
    assert outcome.outcome in ("invalid", "failed")
    assert outcome.again


@pytest.mark.parametrize("depth", [300, 950, 1020])
def test_a_body_that_is_nested_deep_is_kept_or_left_out(depth: int) -> None:
    """What can be read is not always written: the answer is there all the same."""
    deep = parse_line(b"[" * depth + b"]" * depth)
    outcome = read_outcome(CHAT, line({**chat({"content": "Fine."}), "more": deep}), keep_response=True)
    assert (outcome.outcome, outcome.answer) == ("succeeded", "Fine.")
    assert outcome.response is None or outcome.response.count("[") > depth
