"""What stands beside a union, a reference or a choice holds: it is sent and checked, or refused with its place."""

import datetime
import decimal
import enum
import json
from typing import Annotated, Any, Literal

import jsonschema_rs
import pytest
from prefect_openai_batch import AnswerSchemaError
from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema
from prefect_openai_batch.batch.schemas.strict_schema import sent_schema
from prefect_openai_batch.batch.schemas.typed_answers import AnswerReader
from pydantic import AfterValidator, Field, ValidationError, create_model


class Stars(enum.IntEnum):
    """How many there are."""

    FEW = 1
    MANY = 5


class Word(enum.StrEnum):
    """A short one and a long one."""

    SHORT = "aa"
    LONG = "bbbb"


def same(value: Any) -> Any:
    return value


DECLARED: dict[str, Any] = {
    "union of numbers": Annotated[int | float, Field(ge=0, lt=10)],
    "steps of a union": Annotated[int | float, Field(gt=0, multiple_of=2)],
    "optional union": Annotated[int | float, Field(ge=0, le=10)] | None,
    "text or texts": Annotated[str | list[str], Field(min_length=1, max_length=2)],
    "sets or lists": Annotated[list[int] | set[str], Field(max_length=2)],
    "enum of numbers": Annotated[Stars, Field(gt=1)],
    "list of an enum": list[Annotated[Stars, Field(lt=5)]],
    "enum of words": Annotated[Word, Field(max_length=3)],
    "literal": Annotated[Literal[1, 2, 11], Field(ge=2)],
    "behind a validator": Annotated[int, AfterValidator(same), Field(ge=2)],
    "decimal": Annotated[decimal.Decimal, Field(ge=1, lt=10)],
    "twice": Annotated[int, Field(ge=0), AfterValidator(same), Field(ge=2)],
    "set behind a validator": Annotated[set[int], AfterValidator(same), Field(max_length=1)],
}
VALUES: list[Any] = [None, -1, 0, 1, 2, 3, 5, 10, 11, 0.5, 2.5, "", "a", "aa", "bbbb", "abc"]
VALUES += [[], [1], [5], ["a"], ["a", "b"], [1, 2, 3], ["a", "b", "c"]]


@pytest.mark.parametrize("name", DECLARED)
def test_a_class_and_its_schema_take_the_same_answers(name: str) -> None:
    """Wherever pydantic writes a bound."""
    declared = create_model("Declared", field=(DECLARED[name], ...))
    reader = AnswerReader(answer_schema(declared))
    for value in VALUES:
        text = json.dumps({"field": value})
        try:
            declared.model_validate_json(text, strict=True)
            taken = True
        except ValidationError:
            taken = False
        assert (reader.read([text]).wrong is None) == taken, text


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
WRITTEN: dict[str, dict[str, Any]] = {
    "reference": {"$ref": "#/$defs/Text", "maxLength": 2},
    "reference to a choice": {"$ref": "#/$defs/Words", "minLength": 2},
    "reference to a union": {"$ref": "#/$defs/Either", "minimum": 3},
    "branches": {"anyOf": [TEXT, {"type": "null"}], "maxLength": 2},
    "branches of a type": {"type": ["integer", "null"], "anyOf": [{"minimum": 5}, NUMBER, {"type": "null"}]},
    "branches of numbers": {**NUMBER, "anyOf": [{"type": "integer", "minimum": 5}, {"maximum": 1}]},
    "branches that bound too": {"anyOf": [{**TEXT, "maxLength": 2}, NUMBER], "maxLength": 3, "minimum": 1},
    "one of": {"oneOf": [TEXT, {"type": "integer"}], "maximum": 2},
    "all of": {"type": "integer", "minimum": 1, "allOf": [{"minimum": 5}]},
    "all of a reference": {"allOf": [{"$ref": "#/$defs/Text"}], "minLength": 2},
    "all of a union": {"minimum": 2, "allOf": [{"anyOf": [NUMBER, {"type": "null"}], "maximum": 10}]},
    "choice": {"enum": ["a", "aa", "abc"], "minLength": 2},
    "bound of another type": {**TEXT, "minimum": 5},
}
DEFINITIONS = {"Text": TEXT, "Words": {"enum": ["a", "aa"]}, "Either": {"anyOf": [NUMBER, TEXT]}}


def of(node: dict[str, Any]) -> dict[str, Any]:
    """An object with this field, and definitions that it may refer to."""
    return {"type": "object", "properties": {"field": node}, "required": ["field"], "$defs": DEFINITIONS}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_schema_takes_what_it_takes_by_its_standard(name: str) -> None:
    """And what is sent says all of it."""
    schema = of(WRITTEN[name])
    strict = answer_schema(schema)
    reader, plain = AnswerReader(strict), jsonschema_rs.validator_for(schema)
    sent = jsonschema_rs.validator_for(sent_schema(strict))
    for value in VALUES:
        answer = {"field": value}
        assert (reader.read([json.dumps(answer)]).wrong is None) == plain.is_valid(answer), answer
        assert sent.is_valid(answer) == plain.is_valid(answer), answer
    assert answer_schema(strict) == strict


DAYS = Annotated[datetime.date | datetime.datetime, Field(ge=datetime.date.min)]
PRICES = Annotated[int | float, Field(ge=decimal.Decimal("0.1"))]
REFUSED: dict[str, tuple[Any, str]] = {
    "two patterns": (of({"anyOf": [{**TEXT, "pattern": "a"}, NUMBER], "pattern": "b"}), "answer.field|0"),
    "two references": (of({"$ref": "#/$defs/Text", "allOf": [{"$ref": "#/$defs/Either"}]}), "answer.field"),
    "two unions": (of({"anyOf": [TEXT, NUMBER], "oneOf": [TEXT]}), "answer.field"),
    "properties twice": (of({**of(TEXT), "allOf": [{"properties": {"other": TEXT}}]}), "answer.field"),
    "properties beside the whole": (of({"$ref": "#", "properties": {"other": TEXT}}), "answer.field"),
    "no type in common": (of({**TEXT, "anyOf": [NUMBER]}), "answer.field|0"),
    "no word within the bounds": (of({"enum": ["a"], "minLength": 5}), "answer.field"),
    "a choice with a text as bound": (of({"enum": ["a"], "minLength": "5"}), "answer.field"),
    "a definition that is none": ({**of({"$ref": "#/$defs/A"}), "$defs": {"A": 5}}, "answer.$defs.A"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_at_once_is_refused(name: str) -> None:
    """With its place, before anything is sent."""
    schema, place = REFUSED[name]
    with pytest.raises(AnswerSchemaError) as error:
        answer_schema(schema)
    assert error.value.details["place"] == place


def test_a_bound_may_be_a_decimal_or_a_day() -> None:
    """Pydantic writes both as texts; of a day JSON Schema can say nothing, as it does not beside a plain date."""
    prices = AnswerReader(answer_schema(create_model("Price", field=(PRICES, ...))))
    found = [prices.read([json.dumps({"field": value})]).wrong is None for value in (0.05, 0.1, 1)]
    assert found == [False, True, True]
    days = AnswerReader(answer_schema(create_model("Days", field=(DAYS, ...))))
    assert days.read(['{"field": "2024-02-29"}']).wrong is None


@pytest.mark.parametrize("beside", [{"additionalProperties": False}, {"type": ["object", "null"]}])
def test_a_reference_within_itself_may_say_again_what_it_leads_to(beside: dict[str, Any]) -> None:
    """Nothing new stands there, and so it stays a reference."""
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/N", **beside}, {"type": "null"}]}},
    }
    reader = AnswerReader(answer_schema({**of({"$ref": "#/$defs/N"}), "$defs": {"N": node}}))
    assert reader.read(['{"field": {"next": {"next": null}}}']).wrong is None
    assert reader.read(['{"field": {"next": 5}}']).wrong is not None


def test_a_definition_may_hold_itself_and_be_bounded() -> None:
    """The bound is of the value where it stands, and not of those within it."""
    numbers = {"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#/$defs/N"}}]}
    schema = {**of({"$ref": "#/$defs/N", "minimum": 3}), "$defs": {"N": numbers}}
    reader, plain = AnswerReader(answer_schema(schema)), jsonschema_rs.validator_for(schema)
    for value in (2, 3, [2], [[1], 5], ["a"]):
        answer = {"field": value}
        assert (reader.read([json.dumps(answer)]).wrong is None) == plain.is_valid(answer)


def test_a_root_that_is_a_reference_keeps_what_stands_beside_it() -> None:
    """A description, and which of its fields may not be left empty."""
    whole = {"type": "object", "properties": {"a": TEXT, "b": TEXT}, "required": ["a"]}
    beside = {"$ref": "#/$defs/W", "required": ["b"], "description": "the whole"}
    strict = answer_schema({**beside, "$defs": {"W": whole}})
    assert strict["description"] == "the whole"
    assert strict["properties"] == {"a": TEXT, "b": TEXT}
