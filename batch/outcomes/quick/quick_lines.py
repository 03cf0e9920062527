"""Reads lines of the usual shape straight into columns; a test proves that they say what `read_outcome` says."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa

from ...requests.endpoints import Endpoint
from ...schemas.answer_types import AnswerType
from ...schemas.quick_answers import QuickAnswers
from ..outcome_columns import FIELDS, outcome_schema
from ..vectors import packed_schema
from .shapes import SHAPES, Line

Told = tuple[Line[Any], Any]
"""What a line says, and the values of its answer where that is typed."""


class QuickLines:
    """Reads the lines of an endpoint that were executed and hold one text or vector."""

    def __init__(self, endpoint: Endpoint, answers: QuickAnswers | None = None) -> None:
        self._shape = SHAPES[endpoint]
        self._types = packed_schema(outcome_schema(endpoint))
        self._decode = msgspec.json.Decoder(Line[self._shape.body]).decode  # type: ignore[name-defined]  # a type made as it runs
        self._answers = answers

    def read(self, line: bytes) -> Told | None:
        """What a line says; None where that is not certain, and the line is for `read_outcome`."""
        try:
            if not line.isascii():
                line.decode()  # the decoder does not look into what it passes over
            told = self._decode(line)
        except (ValueError, OverflowError, RecursionError):
            return None
        if self._answers is None or self._shape.text is None:
            return told, None
        values = self._answers.read(self._shape.text(told.response.body))
        return None if values is None else (told, values)

    def columns(self, told: Sequence[Told]) -> dict[str, pa.Array]:
        """The columns of packed outcomes that lines fill: those that are absent hold nothing."""
        responses = [line.response for line, _ in told]
        columns = self._shape.columns([response.body for response in responses])
        columns["model"] = [response.body.model for response in responses]
        columns["request_id"] = [response.request_id or None for response in responses]
        arrays = {name: pa.array(values, self._types.field(name).type) for name, values in columns.items()}
        if self._answers is not None:
            arrays[FIELDS] = self._answers.column([values for _, values in told])
        return arrays


def quick_lines(endpoint: Endpoint, answer: AnswerType | None) -> QuickLines | None:
    """The reader of an endpoint's usual lines; None where none is certain."""
    if endpoint not in SHAPES:
        return None
    if answer is None:
        return QuickLines(endpoint)
    answers = answer.reader.quick
    return QuickLines(endpoint, answers) if answers and SHAPES[endpoint].text else None
