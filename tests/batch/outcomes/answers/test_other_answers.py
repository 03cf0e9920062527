"""What a response holds in place of a text was paid: it is the answer, as JSON, or a transcript's text."""

import json
from typing import Any

import pytest
from prefect_openai_batch.batch.outcomes.outcome import read_outcome
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.schemas.answer_types import as_answer_type

from ..test_outcomes import CHAT, FUNCTION_CALL, REFUSAL, RESPONSES, chat, line, message, response

MOOD = as_answer_type({"mood": "happy | angry"})
GOOD = '{"mood":"happy"}'

IMAGE_CALL = {"type": "image_generation_call", "status": "completed", "result": "iVBORw0KGgo="}
NO_IMAGE = {"type": "image_generation_call", "status": "failed", "result": None}
SEARCH, FILES = {"type": "web_search_call"}, {"type": "file_search_call", "results": None}
THOUGHT, TOOLS = {"type": "reasoning"}, {"type": "mcp_list_tools", "tools": []}
APPROVAL = {"type": "mcp_approval_request", "name": "pay"}
CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


@pytest.mark.parametrize(
    "kind", ["image_generation_call", "mcp_call", "mcp_approval_request", "computer_call", "shell_call"]
)
def test_an_item_that_stands_alone_is_the_answer(kind: str) -> None:
    """As JSON, without what was thought before it, and without empty messages."""
    item = {"type": kind, "result": "iVBORw0KGgo="}
    outcome = read_outcome(RESPONSES, line(response(THOUGHT, TOOLS, item, message(""))))
    assert (outcome.outcome, outcome.finish_reason, outcome.error_code) == ("succeeded", "stop", None)
    assert json.loads(outcome.answer) == [item]


BESIDE = {
    "a search": (response(SEARCH, message("Fine.")), "Fine.", "stop"),
    "a failed image": (response(NO_IMAGE, message("Fine.")), "Fine.", "stop"),
    "an image": (response(THOUGHT, IMAGE_CALL, message("Fine.")), [IMAGE_CALL, message("Fine.")], "stop"),
    "image and call": (response(IMAGE_CALL, FUNCTION_CALL), [IMAGE_CALL, FUNCTION_CALL], "tool_calls"),
    "another kind of part": (
        response({"type": "message", "content": [{"type": "output_audio", "data": "AA=="}]}),
        [{"type": "message", "content": [{"type": "output_audio", "data": "AA=="}]}],
        "stop",
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_work_stays_out_beside_what_is_said(name: str) -> None:
    """An image is no work on a text: both stay."""
    body, answer, reason = BESIDE[name]
    outcome = read_outcome(RESPONSES, line(body))
    found = outcome.answer if isinstance(answer, str) else json.loads(outcome.answer)
    assert (outcome.outcome, found, outcome.finish_reason) == ("succeeded", answer, reason)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (response(THOUGHT, TOOLS, **CUT), "length"),
        (response(THOUGHT, message(""), **CUT), "length"),
        (response(NO_IMAGE), "stop"),
        (response(SEARCH, FILES, **CUT), "length"),
    ],
    ids=["thoughts", "an empty message", "a failed image", "searches"],
)
def test_thoughts_alone_are_no_answer(body: dict[str, Any], reason: str) -> None:
    """Cut off before it said anything, a row is still one without an answer, and says why."""
    outcome = read_outcome(RESPONSES, line(body))
    assert (outcome.outcome, outcome.answer, outcome.finish_reason) == ("succeeded", None, reason)


@pytest.mark.parametrize("status", ["queued", "in_progress"])
def test_a_response_that_may_run_yet_is_not_asked_again(status: str) -> None:
    """It may be paid; its state is the reason. One that says something all the same is read."""
    outcome = read_outcome(RESPONSES, line(response(status=status)))
    assert (outcome.again, outcome.answer, outcome.finish_reason) == (False, None, status)
    assert read_outcome(RESPONSES, line(response(message("Fine."), status=status))).answer == "Fine."


def test_a_message_may_call_a_function() -> None:
    """As before there were tools; its arguments may be a typed answer."""
    called = {"name": "label", "arguments": GOOD}
    found = line(chat({"content": None, "function_call": called}, "function_call"))
    outcome = read_outcome(CHAT, found)
    assert (json.loads(outcome.answer), outcome.finish_reason) == (called, "function_call")
    typed = read_outcome(CHAT, found, answer=MOOD)
    assert (typed.outcome, typed.answer, typed.fields) == ("succeeded", GOOD, {"mood": "happy"})


@pytest.mark.parametrize(
    ("content", "audio", "answer"),
    [
        (None, {"data": "AA==", "transcript": GOOD}, GOOD),
        (None, {"data": "AA=="}, '{"data":"AA=="}'),
        (GOOD, {"data": "AA==", "transcript": "Fine."}, GOOD),
        (GOOD, "AA==", GOOD),
    ],
    ids=["a transcript", "none", "a text besides", "a text beside what is no audio"],
)
def test_a_message_may_be_spoken(content: str | None, audio: Any, answer: str) -> None:
    """Its text counts first, then its transcript, which may be a typed answer."""
    found = line(chat({"content": content, "audio": audio}))
    assert read_outcome(CHAT, found).answer == answer
    assert (read_outcome(CHAT, found, answer=MOOD).fields is not None) is (answer == GOOD)


@pytest.mark.parametrize("answer", [None, MOOD], ids=["untyped", "typed"])
@pytest.mark.parametrize("said", [[], [{"type": "text", "text": "Sure: "}]], ids=["alone", "after a text"])
def test_a_refusal_may_be_a_part_of_a_message(answer: Any, said: list[Any]) -> None:
    """It is final and keeps its text, as one that stands beside the content."""
    content = [*said, *REFUSAL["content"]]
    outcome = read_outcome(CHAT, line(chat({"content": content})), answer=answer)
    assert (outcome.outcome, outcome.again, outcome.answer) == ("succeeded", False, None)
    assert (outcome.error_code, outcome.error_message) == ("refusal", "I cannot.")


def test_a_refusal_that_says_nothing_is_none() -> None:
    """The text beside it is the answer, as it was paid."""
    content = [{"type": "text", "text": "Fine."}, {"type": "refusal", "refusal": None}, {"type": "refusal"}]
    assert read_outcome(CHAT, line(chat({"content": content}))).answer == "Fine."
    assert read_outcome(CHAT, line(chat({"content": None, "audio": "AA=="}))).outcome == "succeeded"


def test_what_is_made_beside_no_typed_answer_is_kept() -> None:
    """It breaks the schema, and was paid."""
    outcome = read_outcome(Endpoint.RESPONSES, line(response(APPROVAL)), answer=MOOD)
    assert (outcome.outcome, outcome.error_message) == ("invalid", "there is no answer")
    assert json.loads(outcome.answer) == [APPROVAL]
