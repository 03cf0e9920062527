"""A schema is made such as strict mode takes it, or refused with its place."""

import datetime
import decimal
import enum
import uuid
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch import AnswerSchemaError
from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema
from prefect_openai_batch.batch.schemas.strict_schema import MAX_DEPTH, nodes_of, sent_schema
from pydantic import AnyUrl, BaseModel, ConfigDict, Field

from .schema_strategies import schemas


def of(**properties: Any) -> dict[str, Any]:
    """An object with these properties, all of them required."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def nested(depth: int) -> dict[str, Any]:
    """Objects within each other."""
    return of(a=nested(depth - 1)) if depth > 1 else of(a={"type": "string"})


WORD = {"type": "string"}
REFUSED: dict[str, tuple[Any, str]] = {
    "all of": (of(a={"allOf": [WORD, {"minLength": 1}]}), "answer.a"),
    "not": (of(a={"not": WORD}), "answer.a"),
    "if": (of(a={"if": WORD, "then": WORD}), "answer.a"),
    "dependent": (of(a={**of(b=WORD), "dependentRequired": {"b": ["c"]}}), "answer.a"),
    "dependent schemas": (of(a={**of(b=WORD), "dependentSchemas": {"b": WORD}}), "answer.a"),
    "pattern of names": (of(a={**of(b=WORD), "patternProperties": {"^x": WORD}}), "answer.a"),
    "open object": (of(a={**of(b=WORD), "additionalProperties": True}), "answer.a"),
    "names of its own": (of(a={"type": "object", "additionalProperties": WORD}), "answer.a"),
    "nothing in it": (of(a={"type": "object"}), "answer.a"),
    "anything": (of(a={}), "answer.a"),
    "true": (of(a=True), "answer.a"),
    "no such type": (of(a={"type": "str"}), "answer.a"),
    "bare list": (of(a={"type": "array"}), "answer.a"),
    "list of anything": (of(a={"type": "array", "items": {}}), "answer.a[]"),
    "places": (of(a={"type": "array", "prefixItems": [WORD, {"type": "integer"}]}), "answer.a"),
    "no choice": (of(a={"enum": []}), "answer.a"),
    "mixed choice": (of(a={"enum": ["a", 1]}), "answer.a"),
    "lost reference": (of(a={"$ref": "#/$defs/B"}), "answer.a"),
    "circle": ({**of(a={"$ref": "#/$defs/B"}), "$defs": {"B": {"$ref": "#/$defs/B"}}}, "answer.$defs.B"),
    "wide circle": (
        {
            **of(a={"$ref": "#/$defs/B"}),
            "$defs": {"B": {"anyOf": [{"$ref": "#/$defs/C"}]}, "C": {"$ref": "#/$defs/B"}},
        },
        "answer.$defs.B",
    ),
    "foreign reference": (of(a={"$ref": "https://example.com/schema"}), "answer.a"),
    "within a definition": ({**of(a={"$ref": "#/$defs/B"}), "$defs": {"B": of(c={})}}, "answer.$defs.B.c"),
    "within a branch": (of(a={"anyOf": [WORD, {"not": WORD}]}), "answer.a|1"),
    "root list": ({"type": "array", "items": WORD}, "answer"),
    "root branches": ({"anyOf": [of(a=WORD), of(b=WORD)]}, "answer"),
    "root text": ({**WORD, "minLength": 1}, "answer"),
    "too deep": (nested(MAX_DEPTH + 1), "answer"),
    "too many properties": (of(**{f"p{number}": WORD for number in range(5_001)}), "answer"),
    "too many choices": (of(a={"enum": [str(number) for number in range(1_001)]}), "answer"),
    "long choices": (of(a={"enum": [f"{number:061}" for number in range(251)]}), "answer"),
    "long names": (of(**{f"{number:0100}": WORD for number in range(1_201)}), "answer"),
    "nothing": ({}, "answer"),
    "a number": (7, "answer"),
    "one word": ("text", "answer"),
    "twice": ([{"name": "a"}, {"name": "a"}], "answer.a"),
    "kind unknown": ({"mood": "happy"}, "answer.mood"),
    "a choice twice": ({"a": "b | b"}, "answer.a"),
    "a kind that is none": ({"a": None, "b": "text"}, "answer.a"),
    "choices of a number": ([{"name": "a", "kind": "number", "choices": ["b"]}], "answer.a"),
    "choice without words": ([{"name": "a", "kind": "choice"}], "answer.a"),
    "field without a name": ([{"kind": "text"}], "answer.0.name"),
    "all of a number": (of(a={**WORD, "allOf": 5}), "answer"),
    "required null": ({**of(a=WORD), "required": None}, "answer"),
    "no places": (of(a={"type": "array", "prefixItems": []}), "answer"),
    "places that are a number": (of(a={"type": "array", "prefixItems": 5}), "answer"),
    "properties of a text": (of(a={**WORD, "properties": 5}), "answer"),
    "items of a text": (of(a={**WORD, "items": 5}), "answer"),
    "end of the text": (of(a={**WORD, "pattern": r"\A\d+\Z"}), "answer.properties.a.pattern"),
    "atomic group": (of(a={**WORD, "pattern": "^(?>a)b$"}), "answer.properties.a.pattern"),
    "open group": (of(a={**WORD, "pattern": "("}), "answer.properties.a.pattern"),
    "foreign escape": (of(a={**WORD, "pattern": r"\h"}), "answer.properties.a.pattern"),
    "range to a class": (of(a={**WORD, "pattern": r"[a-\d]"}), "answer.properties.a.pattern"),
    "length as text": (of(a={**WORD, "minLength": "3"}), "answer.properties.a.minLength"),
    "unique as text": (
        of(a={"type": "array", "items": WORD, "uniqueItems": "yes"}),
        "answer.properties.a.uniqueItems",
    ),
    "multiple of 0": (of(a={"type": "number", "multipleOf": 0}), "answer.properties.a.multipleOf"),
    "description of a number": (of(a={**WORD, "description": 5}), "answer.properties.a.description"),
    "old definitions": ({**of(a=WORD), "definitions": {"A": {"type": "nope"}}}, "answer.definitions.A.type"),
    "lost anchor": (of(a={**WORD, "$dynamicRef": "#x"}), "answer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_strict_mode_refuses_is_refused_with_its_place(name: str) -> None:
    """Before anything is sent."""
    schema, place = REFUSED[name]
    with pytest.raises(AnswerSchemaError) as error:
        answer_schema(schema)
    assert error.value.details["place"] == place
    assert str(error.value).startswith(place)


@given(st.data())
def test_every_object_is_closed_and_every_property_required(data: st.DataObject) -> None:
    """And making it so once more changes nothing."""
    schema, _ = data.draw(schemas())
    strict = answer_schema(schema)
    objects = [node for node in nodes_of(strict) if node.get("type") == "object"]
    assert all(node["required"] == list(node["properties"]) for node in objects)
    assert all(node["additionalProperties"] is False for node in objects)
    assert answer_schema(strict) == strict == sent_schema(strict)


class Colour(enum.Enum):
    """Of a kettle."""

    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    """A part of it."""

    price: decimal.Decimal
    added: datetime.date


class Tree(BaseModel):
    """It holds itself."""

    name: str
    branches: list["Tree"] = []


class Cat(BaseModel):
    """One of two kinds."""

    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    """The other one."""

    kind: Literal["dog"]
    name: str


class Everything(BaseModel):
    """What people write in their classes."""

    mood: Literal["happy", "angry"]
    colour: Colour = Colour.RED
    maybe: Colour | None = None
    number: int = 3
    near: float = Field(ge=0, le=1)
    day: datetime.date | None = None
    moment: datetime.datetime
    identity: uuid.UUID
    words: list[list[str]]
    part: Part = Field(description="the part that it is about")
    either: int | str
    pets: list[Annotated[Cat | Dog, Field(discriminator="kind")]]
    pair: tuple[int, int]
    labels: set[str]
    tree: Tree
    link: AnyUrl
    Renamed: int = Field(alias="renamed here")
    code: str = Field(max_length=3, json_schema_extra={"pattern": r"^(?!0)\d+$"})


def test_a_class_of_every_kind_is_taken() -> None:
    """Defaults, unions, enums, dates, lists, aliases, recursion: only what strict mode knows is sent."""
    strict = answer_schema(Everything)
    sent = sent_schema(strict)
    known = {"type", "enum", "const", "anyOf", "$ref", "$defs", "properties", "required", "additionalProperties"}
    known |= {"items", "description", "format", "pattern", "minItems", "maxItems", "minLength", "maxLength"}
    known |= {"minimum", "maximum"}
    assert {keyword for node in nodes_of(sent) for keyword in node} <= known
    assert sent["required"] == list(sent["properties"])
    assert sent["properties"]["number"] == {"type": "integer"}
    assert sent["properties"]["labels"] == {"type": "array", "items": {"type": "string"}}
    assert sent["properties"]["link"] == {"type": "string", "minLength": 1}
    assert sent["properties"]["code"] == {"type": "string", "maxLength": 3}
    assert sent["properties"]["part"]["anyOf"] == [{"$ref": "#/$defs/Part"}]
    assert "renamed here" in sent["properties"]


@pytest.mark.parametrize(
    ("words", "made"),
    [
        (["b", "a", "b"], {"type": "string", "enum": ["b", "a"]}),
        (["a", None, "a"], {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]}),
    ],
    ids=["a word", "a word or none"],
)
def test_a_word_that_is_chosen_twice_is_one(words: list[Any], made: dict[str, Any]) -> None:
    """A DataFrame's categories differ; the words stay in their order."""
    assert answer_schema(of(a={"enum": words}))["properties"]["a"] == made


def test_what_is_not_sent_is_checked_all_the_same() -> None:
    """A pattern that OpenAI cannot read, a set's words that differ."""
    strict = answer_schema(Everything)
    assert strict["properties"]["code"]["pattern"]
    assert strict["properties"]["labels"]["uniqueItems"]


def test_a_fine_tuned_model_is_sent_no_bounds() -> None:
    """It would refuse them."""
    strict = answer_schema(Everything)
    assert "minimum" in sent_schema(strict)["properties"]["near"]
    assert sent_schema(strict, "ft:gpt-4.1:acme::7")["properties"]["near"] == {"type": "number"}


class Open(BaseModel):
    """It takes what it does not know."""

    model_config = ConfigDict(extra="allow")
    name: str


class Mapped(BaseModel):
    """It has names of its own choosing."""

    prices: dict[str, int]


@pytest.mark.parametrize("given_class", [Open, Mapped], ids=lambda one: str(one.__name__))
def test_an_open_class_is_refused(given_class: type[BaseModel]) -> None:
    """Strict mode takes none."""
    with pytest.raises(AnswerSchemaError, match="list of key and value"):
        answer_schema(given_class)


def test_a_class_that_holds_itself_is_its_own_root() -> None:
    """Its schema begins with a reference."""
    assert answer_schema(Tree)["required"] == ["name", "branches"]


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        ("text", {"type": "string"}),
        ("yes or no", {"type": "boolean"}),
        ("happy | angry", {"type": "string", "enum": ["happy", "angry"]}),
        ("list of integer", {"type": "array", "items": {"type": "integer"}}),
        ("number (from 0 to 1)", {"type": "number", "description": "from 0 to 1"}),
        ("date?", {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}),
        (
            "list of a | b? (what it is)",
            {
                "anyOf": [{"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, {"type": "null"}],
                "description": "what it is",
            },
        ),
    ],
    ids=["text", "yes-or-no", "choice", "list", "described", "optional", "all-at-once"],
)
def test_a_few_words_say_what_a_field_is(words: str, schema: dict[str, Any]) -> None:
    """No JSON Schema typed by hand."""
    assert answer_schema({"field": words})["properties"]["field"] == schema
