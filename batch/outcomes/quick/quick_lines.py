"""Reads lines of the usual shape straight into columns; a test proves that they say what `read_outcome` says."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from ...requests.endpoints import Endpoint
from ...schemas.answer_types import AnswerType
from ...schemas.quick_answers import QuickAnswers
from ..outcome_columns import FIELDS, outcome_schema
from ..vectors import packed_schema
from .shapes import SHAPES, VALUES, Line

Told = tuple[Any, ...]
"""What a line says: the values of `VALUES`, and behind them those of its answer where that is typed."""

ANSWER = VALUES.index("answer")


class QuickLines:
    """Reads the lines of an endpoint that were executed and hold one text or vector."""

    def __init__(self, endpoint: Endpoint, answers: QuickAnswers | None = None) -> None:
        shape = SHAPES[endpoint]
        types = packed_schema(outcome_schema(endpoint))
        self._types = [types.field(name).type for name in VALUES]
        self._decode = msgspec.json.Decoder(Line[shape.body]).decode  # type: ignore[name-defined]  # a type made as it runs
        self._values = shape.values
        self._answers = answers

    def read(self, lines: Iterable[bytes]) -> list[Told | None]:
        """What each line says; None where that is not certain, and the line is for `read_outcome`."""
        told: list[Told | None] = []
        decode, values_of, answers = self._decode, self._values, self._answers
        for line in lines:
            try:
                if not line.isascii():
                    line.decode()  # the decoder does not look into what it passes over
                values = values_of(decode(line))
            except (ValueError, OverflowError, RecursionError):
                told.append(None)
                continue
            if answers is None:
                told.append(values)
            else:
                held = answers.read(values[ANSWER])
                told.append(None if held is None else (*values, held))
        return told

    def columns(self, told: Sequence[Told]) -> dict[str, pa.Array]:
        """The columns of packed outcomes that lines fill: those that are absent hold nothing."""
        values = [*zip(*told, strict=True)]
        named = zip(VALUES, values, self._types, strict=False)  # behind them the typed answers
        columns = {name: pa.array(column, kind) for name, column, kind in named}
        return columns if self._answers is None else {**columns, FIELDS: self._answers.column(values[-1])}


def quick_lines(endpoint: Endpoint, answer: AnswerType | None) -> QuickLines | None:
    """The reader of an endpoint's usual lines; None where none is certain."""
    if endpoint not in SHAPES:
        return None
    if answer is None:
        return QuickLines(endpoint)
    answers = answer.reader.quick
    return QuickLines(endpoint, answers) if answers and SHAPES[endpoint].typed else None
