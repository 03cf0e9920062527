"""An answer that keeps to its schema arrives in its columns; one that does not says where."""

import json
import pickle
from decimal import Decimal
from typing import Annotated, Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prefect_openai_batch.batch.schemas.answer_columns import answer_type
from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema
from prefect_openai_batch.batch.schemas.answer_types import AnswerType
from prefect_openai_batch.batch.schemas.typed_answers import AnswerReader
from pydantic import BaseModel, Field, create_model

from .schema_strategies import LEAVES, schemas

READER = AnswerReader(answer_schema({"mood": "happy | angry", "score": "number", "stars": "integer?"}))


@given(st.data())
def test_what_fits_arrives_with_its_type(data: st.DataObject) -> None:
    """Whatever the schema: the column holds what the JSON said."""
    schema, fitting = data.draw(schemas())
    value = data.draw(fitting)
    strict = answer_schema(schema)
    found = AnswerReader(strict).read([json.dumps(value)])
    assert found.wrong is None
    column = pa.array([found.values], type=answer_type(strict))
    assert json.loads(json.dumps(column.to_pylist()[0], default=str)) == value


@given(st.data())
def test_what_does_not_fit_says_where(data: st.DataObject) -> None:
    """A field of another type, one too few and one too many."""
    schema, fitting = data.draw(schemas(depth=1))
    value = data.draw(fitting)
    name = data.draw(st.sampled_from(sorted(value)))
    assume(name != ".")  # which no place in a message can be told by
    wrong: dict[str, Any] = data.draw(st.sampled_from([{name: {"no": "such"}}, {f"{name}!": 1}]))
    found = AnswerReader(answer_schema(schema)).read([json.dumps({**value, **wrong})])
    assert found.values is None
    assert name in (found.wrong or "")
    less = {key: one for key, one in value.items() if key != name}
    assert AnswerReader(answer_schema(schema)).read([json.dumps(less)]).values is None


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ({"00": {"no": "such"}, "+7": []}, "00"),
        ({"00": "", "+7": ["", 1]}, "+7[1]"),
        ([], "the answer"),
    ],
)
def test_names_of_digits_are_names(answer: Any, place: str) -> None:
    """And no places in a list, as the validator takes them for."""
    wrong = AnswerReader(answer_schema({"00": "text", "+7": "list of text"})).read([json.dumps(answer)]).wrong
    assert (wrong or "").startswith(f"{place}: ")


GOOD = '{"mood": "happy", "score": 2, "stars": null}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f" \n{GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"```\n{GOOD}```",
        f"\ufeff{GOOD}",
        f"\n```JSON {GOOD}\n```\n ",
    ],
    ids=["bare", "blanks", "fence", "short-fence", "byte-order-mark", "fence-in-blanks"],
)
def test_an_answer_is_read_out_of_what_surrounds_it(text: str) -> None:
    """Blanks, a code fence, a byte order mark; the text that is kept is JSON."""
    found = READER.read([text])
    assert found.values == {"mood": "happy", "score": 2.0, "stars": None}
    assert json.loads(found.text or "") == {"mood": "happy", "score": 2, "stars": None}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"mood": "sad", "score": 1, "stars": 1}', "mood: "),
        ('{"mood": "happy", "score": "1", "stars": 1}', "score: "),
        ('{"mood": "happy", "score": NaN, "stars": 1}', "not JSON"),
        ('{"mood": "happy", "score": 1e400, "stars": 1}', "not JSON"),
        ('{"mood": "happy", "score": 1, "stars": 123456789012345678901234567890}', "stars: "),
        ('{"mood": "happy", "sco', "not JSON"),
        (f"{GOOD} Hope that helps!", "not JSON"),
        ("[]", "the answer: "),
        ("", "not JSON"),
    ],
    ids=["choice", "type", "nan", "infinite", "wide", "broken-off", "prose", "list", "nothing"],
)
def test_what_breaks_the_schema_is_told(text: str, wrong: str) -> None:
    """Never repaired, never guessed."""
    found = READER.read([text])
    assert found.values is None
    assert wrong in (found.wrong or "")
    assert found.text == text


@pytest.mark.parametrize("place", ["stars", "more"])
@pytest.mark.parametrize("levels", [200, 256, 900])
def test_what_is_nested_deep_breaks_the_schema_and_nothing_else(place: str, levels: int) -> None:
    """Deeper than the validator tells of: an answer of one row may not keep those of all others."""
    deep = GOOD[:-1] + f', "{place}": ' + "[" * levels + "]" * levels + "}"
    found = READER.read([deep])
    assert (found.values, found.text) == (None, deep)
    assert found.wrong


@pytest.mark.parametrize("answer", ['{"01":"s","1":{"a":"x"}}', '{"01":5,"1":{"a":1}}', "{}"])
def test_a_place_that_has_no_name_of_its_own_is_told_somehow(answer: str) -> None:
    """The validator takes names of digits for numbers, and leaves out an empty one."""
    members = {"1": {"type": "object", "properties": {"a": {"type": "integer"}}}, "01": {"type": "string"}}
    for properties in (members, {**members, "": members["1"]}):
        found = AnswerReader(answer_schema({"type": "object", "properties": properties})).read([answer])
        assert found.values is None
        assert found.wrong


@pytest.mark.parametrize(("value", "kept"), [(["a"], '["a"]'), ("abc", '"abc"'), (3, "3"), (2.5, "2.5")])
def test_a_union_within_a_union_is_json_text(value: Any, kept: str) -> None:
    """Whose other kinds are numbers: no column of numbers holds it."""
    texts = {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}
    union = {"anyOf": [{"type": "integer"}, {"type": "number"}, {"$ref": "#/$defs/T"}]}
    schema = {"type": "object", "properties": {"value": union}, "$defs": {"T": texts}}
    found = AnswerReader(answer_schema(schema)).read([json.dumps({"value": value})])
    assert found.values == {"value": kept}


def test_a_number_may_be_absent_and_is_one_all_the_same() -> None:
    """However deep its union stands."""

    class Score(BaseModel):
        """Bounded, and perhaps none."""

        score: Annotated[int | float, Field(ge=0)] | None

    reader = AnswerReader(answer_schema(Score))
    assert [reader.read([f'{{"score": {said}}}']).values for said in ("5", "null")] == [
        {"score": 5.0},
        {"score": None},
    ]


def test_a_decimal_of_a_class_is_a_number() -> None:
    """And no text, which could be any; the JSON text keeps its digits."""
    schema = answer_schema(create_model("Price", price=(Decimal | None, ...)))
    assert answer_type(schema).field("price").type == pa.float64()
    assert AnswerReader(schema).read(['{"price": 1.50}']) == ('{"price": 1.50}', {"price": 1.5}, None)
    assert AnswerReader(schema).read(['{"price": "N/A"}']).values is None


def test_of_several_messages_the_one_that_fits_counts() -> None:
    """Whichever it is, the last first; they are never joined."""
    other = GOOD.replace("happy", "angry")
    for texts in ([GOOD, '{"mood'], ['{"mood', GOOD], [other, GOOD]):
        assert READER.read(texts).text == GOOD
    assert READER.read(["{", "}"]).values is None
    assert READER.read([]).wrong == "there is no answer"


def test_a_wide_number_is_not_rounded_unseen() -> None:
    """It is a float where the column holds floats, as the schema says."""
    found = READER.read(['{"mood": "happy", "score": 123456789012345678901234567890, "stars": 9007199254740993}'])
    assert found.values == {"mood": "happy", "score": 1.2345678901234568e29, "stars": 9007199254740993}


TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "yes or no": pa.bool_(),
    "date": pa.date32(),
    "choice": pa.string(),
}
COLUMNS: dict[str, tuple[Any, pa.DataType]] = {
    **{name: (LEAVES[name][0], kind) for name, kind in TYPES.items()},
    "either number": ({"anyOf": [{"type": "integer"}, {"type": "number"}]}, pa.float64()),
    "either number or none": (
        {"anyOf": [{"anyOf": [{"type": "integer"}, {"type": "number"}]}, {"type": "null"}]},
        pa.float64(),
    ),
    "definition of either number": ({"anyOf": [{"$ref": "#/$defs/N"}, {"type": "null"}]}, pa.float64()),
    "union of itself": ({"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/U"}]}, pa.int64()),
    "either type": ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, pa.string()),
    "several types": ({"type": ["integer", "null"]}, pa.int64()),
    "list": ({"type": "array", "items": {"type": "integer"}}, pa.list_(pa.int64())),
    "object": ({"type": "object", "properties": {"a": {"type": "string"}}}, pa.struct([("a", pa.string())])),
    "itself": ({"$ref": "#"}, pa.string()),
    "numbers to choose from": ({"enum": [1, 2]}, pa.int64()),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_has_the_type_of_its_field(name: str) -> None:
    """Fixed by the schema; what is of several types, or holds itself, is JSON text."""
    node, kind = COLUMNS[name]
    definitions = {
        "N": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
        "U": {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/U"}]},
    }
    object_ = {"type": "object", "properties": {"field": node}, "required": ["field"]}
    schema = answer_schema({**object_, "$defs": definitions})
    assert answer_type(schema) == pa.struct([("field", kind)])


def test_what_has_no_type_of_its_own_is_json_text() -> None:
    """An object that holds itself, nested as deep as it likes."""
    schema = answer_schema({"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#"}}}})
    found = AnswerReader(schema).read(['{"kids": [{"kids": null}]}'])
    assert found.values == {"kids": '[{"kids":null}]'}


def test_a_type_that_was_used_can_be_sent_to_another_process() -> None:
    """Though its reader cannot."""
    used = AnswerType(answer_schema({"mood": "happy | angry"}))
    assert used.reader.read(['{"mood": "sad"}']).wrong
    sent = pickle.loads(pickle.dumps(used))
    assert sent == used
    assert sent.reader is used.reader
