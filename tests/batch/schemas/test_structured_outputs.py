"""A request asks for its typed answer in its endpoint's own form."""

from typing import Any

import pytest
from prefect_openai_batch import AnswerField, AnswerSchemaError, ChatRequest, ResponsesRequest
from prefect_openai_batch.batch.requests.request_files import parse_request
from pydantic import BaseModel, ValidationError

SENT = {
    "type": "object",
    "properties": {"mood": {"type": "string", "enum": ["happy", "angry"]}},
    "required": ["mood"],
    "additionalProperties": False,
}
ASKED: dict[str, Any] = {"model": "gpt-5-mini", "prompt": "Hello.", "answer": {"mood": "happy | angry"}}


def test_chat_asks_by_its_response_format() -> None:
    """Strictly."""
    body = ChatRequest(**ASKED).item("a").body
    named = {"name": "answer", "schema": SENT, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": named}


def test_responses_ask_by_their_text_format() -> None:
    """Beside what else is said of the text."""
    body = ResponsesRequest(**ASKED, parameters={"text": {"verbosity": "low"}}).item("a").body
    named = {"type": "json_schema", "name": "answer", "schema": SENT, "strict": True}
    assert body["text"] == {"verbosity": "low", "format": named}


def test_a_forced_tool_takes_the_schema() -> None:
    """In each endpoint's own form, and instead of a format."""
    chat_tool = {"type": "function", "function": {"name": "label"}}
    body = ChatRequest(**ASKED, parameters={"tools": [chat_tool], "tool_choice": "required"}).item("a").body
    assert body["tools"][0]["function"] == {"name": "label", "parameters": SENT, "strict": True}
    assert "response_format" not in body
    chosen = {
        "tools": [{"type": "function", "name": "label"}],
        "tool_choice": {"type": "function", "name": "label"},
    }
    body = ResponsesRequest(**ASKED, parameters=chosen).item("a").body
    assert body["tools"] == [{"type": "function", "name": "label", "parameters": SENT, "strict": True}]


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        (ChatRequest, {"response_format": {"type": "json_object"}}),
        (ResponsesRequest, {"text": {"format": {"type": "text"}}}),
        (
            ChatRequest,
            {
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
                "tool_choice": "required",
            },
        ),
    ],
    ids=["response format", "text format", "tool"],
)
def test_two_formats_are_refused(kind: Any, parameters: dict[str, Any]) -> None:
    """One of them would not be sent."""
    with pytest.raises(ValidationError, match="leave"):
        kind(**ASKED, parameters=parameters)


class Mood(BaseModel):
    """How somebody feels."""

    mood: str


WAYS: dict[str, Any] = {
    "class": Mood,
    "fields": [AnswerField(name="mood")],
    "mappings": [{"name": "mood", "kind": "text"}],
    "words": {"mood": "text"},
    "schema": {"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]},
}


@pytest.mark.parametrize("name", WAYS)
def test_an_answer_can_be_said_in_any_way(name: str) -> None:
    """It is kept as its schema, so that any worker reads the same; a request file holds it too."""
    request = ChatRequest(**{**ASKED, "answer": WAYS[name]})
    again = parse_request(request.model_dump(mode="json"))
    assert again == request
    assert request.answer_type is not None
    assert request.answer_type.schema["properties"] == {"mood": {"type": "string"}}


def test_a_schema_that_is_refused_names_file_and_place() -> None:
    """Before anything is sent."""
    with pytest.raises(AnswerSchemaError, match=r"request\.yaml is not valid: answer\.mood"):
        parse_request({**ASKED, "answer": {"mood": "happy"}}, "request.yaml")


def test_words_make_a_text_a_choice() -> None:
    """Whoever fills in the words has said what is meant."""
    words = {"name": "mood", "choices": ["happy", "angry"]}
    assert ChatRequest(**{**ASKED, "answer": [words]}) == ChatRequest(**ASKED)


def test_a_template_in_a_description_is_none() -> None:
    """A schema is sent as it stands."""
    answer = {"mood": "text ({{ review }} as it is)"}
    body = ChatRequest(**{**ASKED, "answer": answer}).item("a").body
    assert (
        body["response_format"]["json_schema"]["schema"]["properties"]["mood"]["description"]
        == "{{ review }} as it is"
    )
