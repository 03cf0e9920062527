"""JSON that satisfies the schema an answer must have."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from prefect_openai_batch.emulator.answers.schemas import example

from .support import Api, chat_item, endpoint_item

_SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": ["string", "null"]}),
    st.builds(
        lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span},
        st.integers(-50, 50),
        st.integers(0, 20),
    ),
    st.builds(lambda low: {"type": "integer", "exclusiveMinimum": low}, st.integers(-50, 50)),
    st.builds(lambda high: {"type": "number", "maximum": high}, st.integers(-50, 50)),
    st.builds(
        lambda step, low: {"type": "integer", "multipleOf": step, "minimum": low},
        st.integers(1, 7),
        st.integers(-20, 20),
    ),
    st.builds(
        lambda low, span: {"type": "string", "minLength": low, "maxLength": low + span},
        st.integers(0, 80),
        st.integers(0, 10),
    ),
    st.builds(lambda values: {"type": "string", "enum": values}, st.lists(st.text(), min_size=1, max_size=4)),
    st.builds(lambda value: {"const": value}, st.integers() | st.text()),
    st.sampled_from(
        [
            {"type": "string", "format": name}
            for name in ("date-time", "date", "email", "uuid", "ipv4", "duration", "hostname")
        ]
    ),
    st.sampled_from(
        [
            {"type": "string", "pattern": pattern}
            for pattern in (
                r"^[A-Z]{3}-\d{4}$",
                r"^(yes|no)$",
                r"^\+?[0-9]+$",
                r"^[^a-y]z*\s\w.$",
                r"^@[a-zA-Z0-9_]+$",
            )
        ]
    ),
)


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.builds(_object, st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4)),
        st.builds(
            lambda items, low, span: {"type": "array", "items": items, "minItems": low, "maxItems": low + span},
            inner,
            st.integers(0, 3),
            st.integers(0, 2),
        ),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(SCHEMAS, st.text())
def test_an_example_satisfies_its_schema(schema: Any, text: str) -> None:
    """Whatever strict mode allows, and whatever the prompt says."""
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema, format_checker=checker).validate(example(schema, text))


TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#"}},
        "parent": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]},
    },
    "required": ["name", "children", "parent"],
    "additionalProperties": False,
    "$defs": {
        "person": _object(
            {"age": {"type": "integer"}, "friend": {"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]}}
        )
    },
}


def test_a_schema_that_recurses_ends() -> None:
    """By its empty arrays and its nulls."""
    Draft202012Validator(TREE).validate(example(TREE, "A family."))


SENTIMENT = _object(
    {
        "label": {"type": "string", "enum": ["good", "bad"]},
        "score": {"type": "integer", "minimum": 1, "maximum": 5},
    }
)


@pytest.mark.parametrize(
    ("text", "label"), [("Review: I love it, great", "good"), ("Review: awful, it broke", "bad")]
)
def test_an_enum_is_chosen_by_the_text(text: str, label: str) -> None:
    """JSON reads like an answer too."""
    value = example(SENTIMENT, text)
    assert value["label"] == label
    assert (value["score"] > 3) == (label == "good")


@pytest.mark.parametrize(
    "schema",
    [
        {
            "allOf": [{"$ref": "#/$defs/a"}, {"required": ["x"]}],
            "$defs": {"a": {"properties": {"x": {"const": 1}}}},
        },
        {"oneOf": [{"type": "null"}, {"type": "integer", "exclusiveMaximum": 0}]},
        {"type": ["null", "integer"], "minimum": 3},
        {"type": "number", "minimum": 0.25, "maximum": 0.5},
        {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"enum": [1, 2.5, None]},
        {"type": "string", "pattern": r"^[^0-9]{2}\d+[\w-]?[^\W]$"},
    ],
)
def test_further_schemas(schema: Any) -> None:
    """What strict mode does not need, and some servers take."""
    for text in ("", "good", "bad", "neither"):
        Draft202012Validator(schema).validate(example(schema, text))


def test_a_chat_answer_satisfies_its_schema(api: Api) -> None:
    """`response_format` of chat completions."""
    asked = {"type": "json_schema", "json_schema": {"name": "tree", "strict": True, "schema": TREE}}
    text = api.answers([chat_item(response_format=asked)])["item-0"]["choices"][0]["message"]["content"]
    Draft202012Validator(TREE).validate(json.loads(text))


def test_a_response_satisfies_its_schema(api: Api) -> None:
    """`text.format` of the Responses API, where the schema is not nested."""
    asked = {"format": {"type": "json_schema", "name": "tree", "strict": True, "schema": SENTIMENT}}
    item = endpoint_item("/v1/responses", {"model": "gpt-5-mini", "input": "Fine.", "text": asked})
    output = api.answers([item], "/v1/responses")["item-0"]["output"]
    Draft202012Validator(SENTIMENT).validate(json.loads(output[-1]["content"][0]["text"]))


def test_json_mode(api: Api) -> None:
    """Any object will do."""
    body = api.answers([chat_item(response_format={"type": "json_object"})])["item-0"]
    assert isinstance(json.loads(body["choices"][0]["message"]["content"]), dict)
