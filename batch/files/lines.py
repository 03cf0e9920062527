"""Items encoded as lines of an input file."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from ..errors import RequestError
from ..requests.endpoints import Endpoint, embedding_inputs
from ..requests.items import encode_body, encode_line
from .token_sizes import item_tokens

WRITTEN_AT_ONCE = 1_000_000
"""Bytes of lines that were made one by one."""


class Line(NamedTuple):
    """One encoded item on its way into an input file; `inputs` counts embedding inputs, 0 elsewhere.

    `input_tokens` and `output_limit` are what it takes; None where nobody can tell.
    """

    row: int
    custom_id: str
    model: str
    content: bytes
    inputs: int
    input_tokens: int | None = None
    output_limit: int | None = None


class Lines(NamedTuple):
    """Many lines in the order of their rows: by column what each is of a `Line`."""

    rows: Sequence[int]
    custom_ids: Sequence[str]
    models: Sequence[str]
    contents: Sequence[bytes]
    inputs: Sequence[int]
    input_tokens: Sequence[int | None]
    output_limits: Sequence[int | None]

    @classmethod
    def of(cls, *lines: Line) -> "Lines":
        """These lines, of which there is at least one."""
        return cls._make(zip(*lines, strict=True))

    def part(self, start: int, end: int | None = None) -> "Lines":
        """Those from place `start` on, and before place `end` if it is given."""
        if (start, end) == (0, len(self.rows)):  # as nearly always: nothing is copied
            return self
        return Lines._make(column[start:end] for column in self)

    def chosen(self, places: Sequence[int]) -> "Lines":
        """Those at these places."""
        return Lines._make([column[place] for place in places] for column in self)

    def runs(self) -> Iterator["Lines"]:
        """Lines of the same model that follow each other."""
        start = 0
        for _, run in groupby(self.models):
            end = start + len(list(run))
            yield self.part(start, end)
            start = end


def together(lines: Iterable[Line]) -> Iterator[Lines]:
    """Lines put together, so that about a megabyte of them is written at once.

    Where making them fails, those before come first: of two rows at fault the first one is told.
    """
    waiting: list[Line] = []
    size = 0
    try:
        for line in lines:
            waiting.append(line)
            size += len(line.content)
            if size > WRITTEN_AT_ONCE:
                yield Lines.of(*waiting)
                waiting, size = [], 0
    except Exception:
        if waiting:
            yield Lines.of(*waiting)
        raise
    if waiting:
        yield Lines.of(*waiting)


def encode_row_body(body: dict[str, Any], row: int) -> bytes:
    """A body as JSON, for the item of a row.

    Raises:
        RequestError: the body holds something that JSON cannot say; the message names the row.
    """
    try:
        return encode_body(body)
    except TypeError as error:
        raise RequestError(f"Row {row + 1:,} cannot be sent as JSON: {error}.", row=row) from error


def make_line(row: int, custom_id: str, endpoint: Endpoint, body: dict[str, Any], encoded: bytes) -> Line:
    """The line of an item, whose body is given as it is and as `encode_row_body` encodes it."""
    tokens = item_tokens(endpoint, body)
    return Line(
        row=row,
        custom_id=custom_id,
        model=str(body.get("model")),
        content=encode_line(custom_id, endpoint, encoded),
        inputs=embedding_inputs(body) if endpoint == Endpoint.EMBEDDINGS else 0,
        input_tokens=tokens.input,
        output_limit=tokens.output_limit,
    )
