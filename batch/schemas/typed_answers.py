"""Whether an answer keeps to its schema, and its values where it does."""

import re
from collections.abc import Iterable
from copy import deepcopy
from functools import lru_cache
from typing import Any, NamedTuple

import jsonschema_rs
import msgspec

from .answer_columns import answer_values
from .quick_answers import quick_answers
from .schema_keywords import Schema, types_of
from .strict_schema import nodes_of
from .text_forms import KEYWORDS, formats

_SIXTY_FOUR_BITS = {"minimum": -(2**63), "maximum": 2**63 - 1}
_UNFIT = (ValueError, TypeError, OverflowError, LookupError, AttributeError, RecursionError)
_FENCE = re.compile(r"\A```[\w-]*\s(.*)```\Z", re.DOTALL)


class TypedAnswer(NamedTuple):
    """An answer that keeps to its schema: its JSON text and its values; else its text, and what is wrong."""

    text: str | None
    values: dict[str, Any] | None = None
    wrong: str | None = None


class AnswerReader:
    """Reads the answers of one schema; it is made once and used a million times.

    `quick` reads most answers of a simple schema faster; it is None where the schema is not simple.
    """

    def __init__(self, schema: Schema) -> None:
        jsonschema_rs.Draft202012Validator(schema)  # whose patterns must be JSON Schema's too
        self._validator = jsonschema_rs.Draft202012Validator(
            _checked(schema), validate_formats=True, formats=formats(), keywords=KEYWORDS
        )
        self._values = answer_values(schema)
        self._decode = msgspec.json.Decoder().decode
        self.quick = quick_answers(schema)

    def read(self, texts: Iterable[str]) -> TypedAnswer:
        """The last of the texts that keeps to the schema, whole or in a code fence; else why the last does not.

        A model may say several things in one response, of which one was broken off: they are never joined.
        """
        first_wrong: TypedAnswer | None = None
        for text in reversed(list(texts)):
            found = self._read(text)
            if found.wrong is None:
                return found
            first_wrong = first_wrong or found
        return first_wrong or TypedAnswer(None, wrong="there is no answer")

    def _read(self, text: str) -> TypedAnswer:
        json_text = _bare(text)
        try:
            value = self._decode(json_text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return TypedAnswer(text, wrong=f"the answer is not JSON: {error}")
        try:
            if not self._validator.is_valid(value):
                return TypedAnswer(text, wrong=self._why(value))
            return TypedAnswer(json_text, self._values(value))
        except _UNFIT as error:  # the year 0, a number beyond a column's, what is nested too deep
            return TypedAnswer(text, wrong=f"the answer holds what no column can: {error}")

    def _why(self, value: Any) -> str:
        try:
            error = next(self._validator.iter_errors(value))
            return f"{_place(value, error.instance_path)}: {error.message[:500]}"
        except _UNFIT as error:  # it is nested too deep to be told of, or its place has no name
            return f"the answer breaks its schema ({error})"


def _place(value: Any, path: Iterable[str | int]) -> str:
    """Where something stands in a value."""
    said = ""
    for step in path:
        if isinstance(value, dict):
            name = _named(value, step)
            said, value = f"{said}.{name}", value.get(name)
        else:
            said, value = f"{said}[{step}]", value[int(step)]
    return said.removeprefix(".") or "the answer"


def _named(fields: dict[str, Any], step: str | int) -> str:
    """The field that a step of a path leads to; the validator takes names of digits for numbers."""
    numbers = (name for name in fields if name.removeprefix("+").isdecimal() and int(name) == step)
    return str(step) if str(step) in fields else next(numbers, str(step))


def _bare(text: str) -> str:
    """The text without blanks around it, and out of a code fence."""
    if text[:1] == "{" and text[-1:] == "}":  # as nearly always, a million times a run
        return text
    text = text.strip("\ufeff \t\r\n")
    fenced = _FENCE.match(text)
    return fenced[1].strip() if fenced else text


def _checked(schema: Schema) -> Schema:
    """The schema with the bounds of what its columns can hold: integers have 64 bits, equal items count once."""
    made = deepcopy(schema)
    for node in nodes_of(made):
        if "integer" in types_of(node) and "number" not in types_of(node):
            node["allOf"] = [_SIXTY_FOUR_BITS]
        if node.pop("uniqueItems", False):
            node["differentItems"] = [node.pop("minItems", None), node.pop("maxItems", None)]
    return made


@lru_cache(maxsize=16)
def answer_reader(schema_text: bytes) -> AnswerReader:
    """The reader of a schema, which is given as JSON; made once."""
    return AnswerReader(msgspec.json.decode(schema_text))
