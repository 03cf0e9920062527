"""The type of a request's answers: their schema, and whether one that breaks it goes again."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec
import pyarrow as pa

from .answer_columns import answer_choices, answer_type
from .answer_schemas import answer_schema
from .schema_keywords import Schema
from .typed_answers import AnswerReader, answer_reader


@dataclass(frozen=True)
class AnswerType:
    """What each answer of a request is; `retry_invalid` says whether one that breaks its schema is asked again."""

    schema: Schema
    retry_invalid: bool = True

    @property
    def reader(self) -> AnswerReader:
        """Reads the answers."""
        return answer_reader(self._schema_text)

    @cached_property
    def _schema_text(self) -> bytes:
        """The schema as JSON: made once, as it is asked for at every answer; unlike a reader it can be pickled."""
        return msgspec.json.encode(self.schema)

    @property
    def columns(self) -> pa.StructType:
        """A field a column that an answer is spread into."""
        return answer_type(self.schema)

    @property
    def choices(self) -> dict[str, list[str]]:
        """The words of each field that is a choice."""
        return answer_choices(self.schema)


def as_answer_type(given: Any) -> AnswerType | None:
    """The type of answers that are said by a class, by fields or by JSON Schema, see `answer_schema`.

    Raises:
        AnswerSchemaError: they say nothing of an answer, or what strict mode does not take.
    """
    return given if given is None or isinstance(given, AnswerType) else AnswerType(answer_schema(given))
