"""A text is taken in whichever way its declared type reads it, and refused where it is none."""

import datetime
import ipaddress
import json
import re
import uuid
from typing import Annotated, Any

import jsonschema_rs
import pyarrow as pa
import pytest
from prefect_openai_batch.batch.schemas.answer_columns import answer_type
from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema
from prefect_openai_batch.batch.schemas.strict_schema import sent_schema
from prefect_openai_batch.batch.schemas.typed_answers import AnswerReader
from pydantic import ConfigDict, Field, HttpUrl, TypeAdapter, ValidationError, create_model


def reader_of(declared: Any) -> AnswerReader:
    return AnswerReader(answer_schema(create_model("Declared", field=(declared, ...))))


def takes(reader: AnswerReader, value: Any) -> bool:
    return reader.read([json.dumps({"field": value})]).wrong is None


def of(node: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"field": node}, "required": ["field"]}


URLS = [f"https://example.org/{path}" for path in ("wiki/München", "a b", "a|b", "[a]", "?q={a}", "%zz", "a")]
WRITTEN: dict[str, tuple[Any, list[str]]] = {
    "url": (HttpUrl, [*URLS, "https://münchen.de", "www.example.org", "N/A", ""]),
    "date": (datetime.date, ["2024-02-29", "2024-02-29T00:00:00", "2024-02-29T05:00:00", "2023-02-29", "soon"]),
    "moment": (
        datetime.datetime,
        [
            *("2024-01-01T12:00:00", "2024-01-01T12:00:00.5Z", "2024-01-01T12:00:00+0100", "2024-01-01 12:00:00Z"),
            *("2024-01-01T12:00", "2024-01-01", "2024-01-01T25:00:00", "January", "24-01-01T12:00:00Z"),
        ],
    ),
    "time": (datetime.time, ["12:30:00", "12:30:00Z", "12:30", "25:30", "noon"]),
    "duration": (datetime.timedelta, ["PT1.5H", "PT0.5S", "-P1D", "P1W2D", "PT90M", "P", "an hour"]),
    "identity": (uuid.UUID, ["12345678-1234-4234-8234-123456789abc", "12345678123442348234123456789abc", "1234"]),
    "address": (ipaddress.IPv6Address, ["::1", "fe80::1%eth0", "1.2.3.4"]),
    "regular expression": (re.Pattern[str], ["(?P<a>b)", "("]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_text_is_taken_as_its_type_takes_it(name: str) -> None:
    """Also within what may be absent; else the same answer might come, and be paid for, round after round."""
    declared, texts = WRITTEN[name]
    reader, optional, plain = reader_of(declared), reader_of(declared | None), TypeAdapter(declared)
    for text in texts:
        try:
            plain.validate_json(json.dumps(text))
            taken = True
        except ValidationError:
            taken = False
        assert takes(reader, text) == takes(optional, text) == taken, text


BY_SCHEMA = {
    "email": ["a@b.org", "jürgen@example.org"],
    "uri": ["http://999.999.999.999/", "https://example.org/ü"],
    "uri-reference": ["../a", "/wiki/Müller Meier"],
    "regex": ["(?<a>b)", "(?P<a>b)"],
    "date-time": ["2016-12-31T23:59:60Z"],
    "hostname": ["example.org"],
}


@pytest.mark.parametrize("name", BY_SCHEMA)
def test_what_json_schema_takes_of_a_format_is_taken(name: str) -> None:
    """And what else people write."""
    reader = AnswerReader(answer_schema(of({"type": "string", "format": name})))
    for text in BY_SCHEMA[name]:
        assert takes(reader, text), text


@pytest.mark.parametrize("name", ["date", "date-time"])
@pytest.mark.parametrize("text", ["2024", "86400", "-5", "1704067200.0"])
def test_a_bare_number_is_no_moment(name: str, text: str) -> None:
    """Nobody who asks for a day means the seconds since 1970."""
    assert not takes(AnswerReader(answer_schema(of({"type": "string", "format": name}))), text)


def test_a_day_with_its_midnight_is_that_day() -> None:
    """In a column of days."""
    found = reader_of(datetime.date).read(['{"field": "2024-02-29T00:00:00Z"}'])
    assert found.values == {"field": datetime.date(2024, 2, 29)}


@pytest.mark.parametrize(
    ("declared", "said", "kept"),
    [
        (set[str], ["b", "a", "b"], ["b", "a"]),
        (frozenset[float], [1, 1.0, 2], [1.0, 2.0]),
        (set[datetime.date], ["2024-02-29", "2024-02-29"], [datetime.date(2024, 2, 29)]),
        (list[str], ["a", "a"], ["a", "a"]),
    ],
    ids=["words", "numbers", "days", "list"],
)
def test_a_set_has_each_of_its_items_once(declared: Any, said: list[Any], kept: list[Any]) -> None:
    """A model is not told that they differ, and its answer is none the worse."""
    reader = reader_of(declared)
    answer = json.dumps({"field": said})
    found = reader.read([answer])
    assert (found.values, found.text) == ({"field": kept}, answer)
    column = answer_type(answer_schema(create_model("Declared", field=(declared, ...))))
    assert pa.array([found.values], type=column).to_pylist() == [found.values]


def test_the_bounds_of_a_set_are_of_its_different_items() -> None:
    """As its class counts them."""
    two = Annotated[set[str], Field(min_length=2, max_length=2)]
    reader = reader_of(two)
    for said in (["a"], ["a", "a"], ["a", "b"], ["a", "a", "b"], ["a", "b", "c"]):
        assert takes(reader, said) == takes_by_class(two, said), said
    assert reader.read(['{"field": ["a", "a"]}']).wrong == "field: it has 1 different item"


def takes_by_class(declared: Any, value: Any) -> bool:
    try:
        TypeAdapter(declared).validate_json(json.dumps(value))
    except ValidationError:
        return False
    return True


PATTERNS: dict[str, list[str]] = {
    r"^\w+$": ["Müller", "東京", "a b"],
    r"^\d+$": ["12", "\u0661\u0662", "a"],
    "^[[:alpha:]]+$": ["abc", "a:]"],
    "^.+$": ["a\u2028b", "a\nb"],
    "^a$": ["a", "a\n", "ba"],
    r"^[a-z&&[^b]]+$": ["ac", "ab", "b]"],
    r"\p{Lu}": ["É", "é"],
}


@pytest.mark.parametrize("pattern", PATTERNS, ids=map(str, range(len(PATTERNS))))
def test_a_pattern_is_read_as_pydantic_reads_it(pattern: str) -> None:
    """Of Unicode, with classes by their names."""
    declared = Annotated[str, Field(pattern=pattern)]
    reader, plain = reader_of(declared), TypeAdapter(declared)
    for text in PATTERNS[pattern]:
        assert takes(reader, text) == plain.validator.isinstance_python(text), text
    assert not takes(reader, 5)


def test_a_pattern_that_looks_around_is_one_of_unicode_too() -> None:
    """It is pydantic's by its other engine."""
    pattern = r"^(?!Herr)\w+$"
    asked = TypeAdapter(Annotated[str, Field(pattern=pattern)], config=ConfigDict(regex_engine="python-re"))
    reader = AnswerReader(answer_schema(of({"type": "string", "pattern": pattern})))
    for text in ("Müller", "Herr", "a b"):
        assert takes(reader, text) == asked.validator.isinstance_python(text), text


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [("^(?!b)(?<letter>[a-c])$", ["a", "b", "e"]), ("^(?!b)[a-c&&d]+$", ["a", "&", "b", "e"])],
    ids=["named group", "signs in a set"],
)
def test_a_pattern_of_javascript_alone_is_read_as_that(pattern: str, texts: list[str]) -> None:
    """As JSON Schema says."""
    reader = AnswerReader(answer_schema(of({"type": "string", "pattern": pattern})))
    for text in texts:
        assert takes(reader, text) == jsonschema_rs.is_valid({"pattern": pattern}, text), text


@pytest.mark.parametrize(
    ("pattern", "sent"),
    [("^[[:alpha:]]+$", False), ("^[^[:alpha:]]+$", False), ("^[a-z&&[^b]]$", False), (r"^[a-z]--\[b$", True)],
    ids=["class", "no class", "cut", "dashes"],
)
def test_a_pattern_that_python_reads_otherwise_is_not_sent(pattern: str, sent: bool) -> None:
    """OpenAI reads it as Python does, and would hold the model to what breaks the answer."""
    schema = answer_schema(of({"type": "string", "pattern": pattern}))
    assert ("pattern" in sent_schema(schema)["properties"]["field"]) == sent


def test_what_does_not_match_is_told_with_its_place() -> None:
    """And with the pattern."""
    found = reader_of(Annotated[str, Field(pattern="^a$")]).read(['{"field": "b"}'])
    assert found.wrong == 'field: "b" does not match "^a$"'
