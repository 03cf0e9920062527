"""A response with status 200 that holds an error, or nothing, is no answer of any endpoint."""

from typing import Any

import pytest
from prefect_openai_batch.batch.outcomes.outcome import read_outcome
from prefect_openai_batch.batch.requests.endpoints import Endpoint

from ..test_outcomes import CHAT, IMAGE, RESPONSES, VIDEO, chat, line, message, response

ENDPOINTS = pytest.mark.parametrize("endpoint", Endpoint, ids=lambda endpoint: endpoint.name.lower())


@ENDPOINTS
def test_an_error_is_no_answer(endpoint: Endpoint) -> None:
    """It is told by its own words, and goes again."""
    outcome = read_outcome(endpoint, line({"error": {"code": "moderation_blocked", "message": "No."}}))
    assert (outcome.outcome, outcome.again, outcome.answer) == ("failed", True, None)
    assert (outcome.error_code, outcome.error_message) == ("moderation_blocked", "No.")


EMPTY = {
    "null images": (Endpoint.IMAGE_GENERATIONS, {"created": 1, "data": None}),
    "no images": (Endpoint.IMAGE_EDITS, {"created": 1, "data": []}),
    "a null image": (Endpoint.IMAGE_EDITS, {"created": 1, "data": [None]}),
    "no results": (Endpoint.MODERATIONS, {"results": []}),
    "a text for results": (Endpoint.MODERATIONS, {"results": "x"}),
    "an empty result": (Endpoint.MODERATIONS, {"results": [{}]}),
    "no video": (Endpoint.VIDEOS, {}),
    "no choices": (Endpoint.COMPLETIONS, {"choices": []}),
    "a null choice": (CHAT, {"choices": [None]}),
    "a null message": (CHAT, {"choices": [{"message": None}]}),
    "a null item": (RESPONSES, response(None)),  # type: ignore[arg-type]  # it is what must not be taken
}


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_is_no_answer(name: str) -> None:
    """There is nothing to be kept, and the row goes again."""
    outcome = read_outcome(EMPTY[name][0], line(EMPTY[name][1]))
    assert (outcome.outcome, outcome.again, outcome.answer) == ("failed", True, None)
    assert outcome.error_code == "unreadable_response"


BESIDE = {"error": {"code": "odd", "message": "No."}}


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (CHAT, chat({"content": None}) | BESIDE),
        (RESPONSES, response(message("")) | BESIDE),
        (Endpoint.VIDEOS, VIDEO | BESIDE),
    ],
    ids=["chat", "responses", "video"],
)
def test_an_error_beside_nothing_is_its_reason(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """The rest of the body is as that of an answer."""
    outcome = read_outcome(endpoint, line(body))
    assert (outcome.outcome, outcome.error_code, outcome.error_message) == ("failed", "odd", "No.")


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [(RESPONSES, response(message("Fine."))), (Endpoint.IMAGE_EDITS, IMAGE)],
    ids=["responses", "images"],
)
def test_an_error_beside_an_answer_takes_nothing_from_it(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """It was paid."""
    outcome = read_outcome(endpoint, line(body | BESIDE))
    assert (outcome.outcome, outcome.error_code) == ("succeeded", None)
    assert outcome.answer


@pytest.mark.parametrize("endpoint", [RESPONSES, Endpoint.VIDEOS], ids=["responses", "video"])
def test_a_failure_may_tell_its_error_in_a_text(endpoint: Endpoint) -> None:
    """Its status is then the code: what became of it can be read."""
    outcome = read_outcome(endpoint, line({**VIDEO, "output": [], "status": "failed", "error": "Sorry."}))
    assert (outcome.outcome, outcome.again, outcome.answer) == ("failed", True, None)
    assert (outcome.error_code, outcome.error_message) == ("failed", "Sorry.")
