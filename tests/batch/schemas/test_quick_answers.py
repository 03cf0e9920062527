"""What is read straight into columns is what the schema's own reader takes, with the same values."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.schemas.answer_columns import answer_type
from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema
from prefect_openai_batch.batch.schemas.quick_answers import quick_answers
from prefect_openai_batch.batch.schemas.typed_answers import AnswerReader

from .schema_strategies import schemas

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            None,
            True,
            0,
            1.0,
            1.5,
            -0.0,
            2**53 + 1,
            2**63,
            -(2**63) - 1,
            10**30,
            1e300,
            "",
            "a",
            "ä b",
            "2024-02-29",
        ),
        *("2023-02-29", "2024-1-1", "2024-01-01T00:00:00", "0000-01-01", "\uff12024-01-01", [], [1], [None], {}),
    ]
)


@st.composite
def broken(draw: st.DrawFn, value: Any) -> Any:
    """A value in which something, somewhere, is something else, absent, or too much."""
    if not value or not isinstance(value, dict | list) or draw(st.integers(0, 5)) == 0:
        return draw(ODD)
    if isinstance(value, list):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(broken(value[place])), *value[place + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    way = draw(st.sampled_from(["other", "other", "absent", "more"]))
    changed = {key: one for key, one in value.items() if key != name or way != "absent"}
    return changed | {"other": {name: draw(broken(value[name]))}, "absent": {}, "more": {f"{name}!": 1}}[way]


def check(schema: dict[str, Any], texts: list[str]) -> int:
    """How many answers are read quickly; of these the schema's own reader has the same to say."""
    strict = answer_schema(schema)
    quick, reader, column = quick_answers(strict), AnswerReader(strict), answer_type(strict)
    found = [(text, value) for text in texts if quick and (value := quick.read(text)) is not None]
    slowly = [reader.read([text]) for text, _ in found]
    assert [one.wrong for one in slowly] == [None] * len(found)
    assert [one.text for one in slowly] == [text for text, _ in found]
    if quick and found:
        wanted = pa.array([one.values for one in slowly], type=column)
        assert quick.column([value for _, value in found]).equals(wanted)
    return len(found)


@settings(max_examples=200)
@given(st.data())
def test_both_ways_say_the_same_of_any_answer(data: st.DataObject) -> None:
    """Whatever the schema: of answers that fit and of broken ones, in columns with nulls between the values."""
    schema, fitting = data.draw(schemas())
    values = data.draw(st.lists(fitting, min_size=1, max_size=4))
    values += [data.draw(broken(value)) for value in values]
    texts = [json.dumps(value, ensure_ascii=data.draw(st.booleans())) for value in values]
    check(schema, texts)


FIELD = "field"


def one_field(node: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {FIELD: node}, "required": [FIELD]}


BOUNDED: dict[str, dict[str, Any]] = {
    "integer from 1 to 5": {"type": "integer", "minimum": 1, "maximum": 5},
    "number below 1": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    "number up to a wide one": {"type": "number", "maximum": 2**53 + 2},
    "number from a fraction": {"type": "number", "minimum": 0.1},
    "short text": {"type": "string", "minLength": 1, "maxLength": 2},
    "one or two": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2},
    "pattern": {"type": "string", "pattern": "^a"},
    "e-mail": {"type": "string", "format": "email"},
    "multiple": {"type": "integer", "multipleOf": 2},
    "one word": {"const": "a"},
    "no words": {"enum": [1, 2]},
    "either type": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    "union in a union": {"anyOf": [{"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "null"}]},
    "several types": {"type": ["integer", "null"]},
    "itself": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    "null alone": {"type": "null"},
}
TEXTS = [
    "1",
    "5",
    "6",
    "0.1",
    "0.99",
    "-0.0",
    "1e0",
    str(2**53 + 1),
    str(2**53 + 3),
    '"a"',
    '"😀b"',
    '"abc"',
    '""',
]
TEXTS += ["[]", "[1]", "[1, 2, 3]", "null", "true", '"a@b.org"', '{"field": null}']


@pytest.mark.parametrize("name", BOUNDED)
def test_bounds_and_what_types_cannot_say(name: str) -> None:
    """Length counts characters, a wide number is not rounded over a bound, and the rest is left to the reader."""
    check(one_field(BOUNDED[name]), [f'{{"{FIELD}": {text}}}' for text in TEXTS])


SIMPLE = {"mood": "happy | angry", "score": "number?", "stars": "integer", "topics": "list of price | quality?"}


def test_a_simple_schema_is_read_quickly() -> None:
    """Choices, numbers, lists and what may be absent, as people say them in a few words."""
    answers = [{"mood": "happy", "score": 2, "stars": 1, "topics": ["price"]}]
    answers += [{"mood": "angry", "score": None, "stars": -1, "topics": None}]
    assert check(SIMPLE, [json.dumps(answer) for answer in answers]) == 2


def test_what_stands_around_an_answer_is_left_to_the_reader() -> None:
    """It takes the answer out of a code fence, and keeps the text of the JSON alone."""
    answer = '{"mood": "happy", "score": 2, "stars": 1, "topics": []}'
    assert check(SIMPLE, [f"```json\n{answer}\n```", f" {answer}", f"{answer} Hope that helps!"]) == 0
