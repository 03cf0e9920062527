"""Reads lines of the usual shape straight into columns; a test proves that they say what `read_outcome` says."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from ...requests.endpoints import Endpoint
from ...schemas.answer_types import AnswerType
from ...schemas.quick_answers import QuickAnswers
from ..kept.vectors import packed_schema
from ..outcome_columns import FIELDS, outcome_schema
from .number_lists import PLACE, NumberLists
from .shapes import SHAPES, VALUES, Line

Told = tuple[Any, ...]
"""What a line says: the values of `VALUES`, and behind them those of its answer where that is typed."""

ANSWER = VALUES.index("answer")

_UNUSUAL = (ValueError, OverflowError, RuntimeError)
"""The last is simdjson's of numbers beyond 64 bits and deep nesting, and everybody's of recursion."""


class QuickLines:
    """Reads the lines of an endpoint that were executed and hold one text or vector."""

    def __init__(self, endpoint: Endpoint, answers: QuickAnswers | None = None) -> None:
        shape = SHAPES[endpoint]
        types = packed_schema(outcome_schema(endpoint))
        self._types = [types.field(name).type for name in VALUES]
        decoder = msgspec.json.Decoder(Line[shape.body])  # type: ignore[name-defined]  # a type made as it runs
        self._decode, self._decode_lines = decoder.decode, decoder.decode_lines
        self._values = shape.values
        self._answers = answers
        self._lists = NumberLists() if endpoint == Endpoint.EMBEDDINGS else None

    def read(self, chunk: bytes) -> list[Told] | None:
        """What each of some whole lines says; None where that is not certain of all."""
        try:
            told = self._read(chunk, self._decode_lines)
        except _UNUSUAL:
            return None
        if not _are_one_a_line(len(told), chunk):
            return None
        if self._answers is None:
            return told
        held = [self._answers.read(values[ANSWER]) for values in told]
        return None if None in held else [(*values, one) for values, one in zip(told, held, strict=True)]

    def read_line(self, line: bytes) -> Told | None:
        """What a line says; None where that is not certain, and the line is for `read_outcome`."""
        try:
            (values,) = self._read(line, lambda line: [self._decode(line)])
        except _UNUSUAL:
            return None
        if self._answers is None:
            return values
        held = self._answers.read(values[ANSWER])
        return None if held is None else (*values, held)

    def _read(self, chunk: bytes, decode: Callable[[bytes], list[Line[Any]]]) -> list[Told]:
        lists: list[memoryview] = []
        if self._lists is not None:
            chunk, lists = self._lists.take_out(chunk)
        _check_text(chunk)
        told = [*map(self._values, decode(chunk))]
        return self._with_lists(told, lists) if lists else told

    def _with_lists(self, told: list[Told], lists: list[memoryview]) -> list[Told]:
        """The same with the vectors that were taken out of the lines, one of each."""
        if len(told) != len(lists) or any(values[ANSWER] != PLACE for values in told):
            raise ValueError("a line has no list in its place, or more than one")
        assert self._lists is not None
        vectors = self._lists.read(lists)
        if not all(vectors):
            raise ValueError("an empty list is no vector")
        return [(*one[:ANSWER], vector, *one[ANSWER + 1 :]) for one, vector in zip(told, vectors, strict=True)]

    def columns(self, told: Sequence[Told]) -> dict[str, pa.Array]:
        """The columns of packed outcomes that lines fill: those that are absent hold nothing."""
        values = [*zip(*told, strict=True)]
        named = zip(VALUES, values, self._types, strict=False)  # behind them the typed answers
        columns = {name: pa.array(column, kind) for name, column, kind in named}
        return columns if self._answers is None else {**columns, FIELDS: self._answers.column(values[-1])}


def _are_one_a_line(count: int, chunk: bytes) -> bool:
    """Whether so many objects, decoded from a chunk, stand there one a line.

    The decoder also takes two in a line, one in two lines, and empty lines. But in no object is there a line that
    ends in `}` before one that begins with `{`: where all lines do, each newline parts two objects.
    """
    lines, end = 1, chunk.find(b"\n")
    while 0 <= end < len(chunk) - 1:
        if chunk[end - 1 : end + 2] != b"}\n{":
            return False
        lines, end = lines + 1, chunk.find(b"\n", end + 1)
    return lines == count


def _check_text(content: bytes) -> None:
    """Raise what is no UTF-8: the decoder does not look into what it passes over."""
    if not content.isascii():
        content.decode()


def quick_lines(endpoint: Endpoint, answer: AnswerType | None) -> QuickLines | None:
    """The reader of an endpoint's usual lines; None where none is certain."""
    if endpoint not in SHAPES:
        return None
    if answer is None:
        return QuickLines(endpoint)
    answers = answer.reader.quick
    return QuickLines(endpoint, answers) if answers and SHAPES[endpoint].typed else None
