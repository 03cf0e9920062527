"""What somebody says an answer is, in whichever way, as one strict JSON Schema."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from ..errors import AnswerSchemaError
from .schema_keywords import Schema
from .short_fields import AnswerField, fields_schema, parse_fields
from .strict_schema import strict_schema
from .typed_answers import answer_reader

_FIELDS = TypeAdapter(list[AnswerField])

KEYWORDS = frozenset({"type", "properties", "$ref", "$defs", "anyOf", "enum", "const", "items"})
"""One of these stands in each JSON Schema that says anything."""


def answer_schema(given: Any) -> Schema:
    """The strict JSON Schema of an answer.

    Args:
        given: A pydantic class, a JSON Schema, a list of `AnswerField` (or of mappings that hold one), or names
            with a few words each, see `parse_field`.

    Raises:
        AnswerSchemaError: it is none of these, one that strict mode does not take, or one by which no answer can
            be checked.

    Example:
        ```python
        from prefect_openai_batch.batch.schemas.answer_schemas import answer_schema

        schema = answer_schema({"mood": "happy | angry", "score": "number", "why": "text?"})
        assert schema["required"] == ["mood", "score", "why"]
        ```
    """
    schema = strict_schema(_json_schema(given))
    _check_reading(schema)
    return schema


def _check_reading(schema: Schema) -> None:
    """Refuse a schema that cannot be read: its answers would be paid for, and no fetch could check them."""
    try:
        answer_reader(msgspec.json.encode(schema))
    except (ValueError, TypeError, OverflowError, LookupError, AttributeError, RecursionError) as error:
        place = ".".join(map(str, ("answer", *getattr(error, "instance_path", ()))))
        raise AnswerSchemaError(
            f"{place}: no answer can be checked by it, change it or leave it out: {str(error).splitlines()[0]}",
            place=place,
        ) from None


def _json_schema(given: Any) -> Mapping[str, Any]:
    if isinstance(given, type) and issubclass(given, BaseModel):
        return _of_class(given)
    if isinstance(given, Mapping):
        if given and all(isinstance(words, str) for words in given.values()):
            return fields_schema(parse_fields(given))
        _refuse_half_told(given)
        return given
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return fields_schema(_fields(given))
    raise AnswerSchemaError(
        f"answer: {given!r} says nothing of an answer's fields: give a pydantic class, fields such as "
        '{"mood": "happy | angry"}, or a JSON Schema.',
        place="answer",
    )


def _refuse_half_told(given: Mapping[str, Any]) -> None:
    """Refuse names of which some have a few words and others have none; a JSON Schema says what it is of."""
    untold = [name for name, words in given.items() if not isinstance(words, str | Mapping | list)]
    if untold and not KEYWORDS & given.keys():
        raise AnswerSchemaError(
            f"answer.{untold[0]}: {given[untold[0]]!r} is no kind of answer: say it in words, such as text, "
            "number or yes | no",
            place=f"answer.{untold[0]}",
        )


def _fields(given: Sequence[Any]) -> list[AnswerField]:
    try:
        return _FIELDS.validate_python(list(given))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in ("answer", *first["loc"]))
        raise AnswerSchemaError(f"{place}: {first['msg']}", place=place) from None


class _AnswerJsonSchema(GenerateJsonSchema):
    """What pydantic says of a class, but that a decimal is a number alone: as text it could be any."""

    def decimal_schema(self, schema: Any) -> Schema:
        said = super().decimal_schema(schema)
        return next(branch for branch in said["anyOf"] if branch["type"] == "number")


def _of_class(given: type[BaseModel]) -> dict[str, Any]:
    try:
        return {"title": given.__name__, **given.model_json_schema(schema_generator=_AnswerJsonSchema)}
    except (PydanticUserError, RecursionError) as error:
        raise AnswerSchemaError(
            f"answer: {given.__name__} has no JSON Schema: {str(error).splitlines()[0]}", place="answer"
        ) from None
