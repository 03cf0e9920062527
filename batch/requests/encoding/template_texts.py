"""What a template says of many rows at once, as texts and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, repeat
from typing import Any, AnyStr

import numpy as np
import numpy.typing as npt
import orjson

from ...tables.row_groups import RowGroup
from ...tables.value_texts import text
from ..templates import Template


@dataclass(frozen=True)
class TemplateTexts:
    """What a template says of each row of a group, made when it is asked for.

    Where the template fails on a row, or says what JSON cannot, it fails for all of them.
    """

    template: Template
    rows: RowGroup

    @cached_property
    def texts(self) -> list[str]:
        """The text of each row."""
        if self.template.pieces is None:
            return list(map(self.template.render, self.rows.rows))
        return joined(
            "",
            [
                literal if column is None else _texts(self.rows.values[column])
                for literal, column in self.template.pieces
            ],
            len(self.rows.numbers),
        )

    @cached_property
    def encoded(self) -> list[bytes | list[bytes]]:
        """The text of each row as a JSON string, in pieces: see `joined`."""
        if self.template.pieces is None:
            return [encode_texts(self.texts)]
        said = [
            orjson.dumps(literal)[1:-1] if column is None else _escaped(_texts(self.rows.values[column]))
            for literal, column in self.template.pieces
        ]
        return [b'"', *said, b'"']

    @property
    def encoded_sizes(self) -> npt.NDArray[np.int64]:
        """How many bytes the text of each row is as a JSON string."""
        rows = len(self.rows.numbers)
        sizes = np.zeros(rows, dtype=np.int64)
        for piece in self.encoded:
            sizes += len(piece) if isinstance(piece, bytes) else np.fromiter(map(len, piece), np.int64, rows)
        return sizes


def joined(nothing: AnyStr, pieces: Sequence[AnyStr | list[AnyStr]], rows: int) -> list[AnyStr]:
    """The pieces of each row in one: a piece is the same for all rows, or one of a list for each."""
    columns: list[Iterable[AnyStr]] = []
    for differs, some in groupby([nothing, *pieces], lambda piece: isinstance(piece, list)):
        run: Any = list(some)
        columns += run if differs else [repeat(nothing.join(run), rows)]
    return list(map(nothing.join, zip(*columns, strict=True)))


def encode_texts(texts: list[str]) -> list[bytes]:
    """Texts as JSON strings: encoded all at once, and parted where a line ends, as none does within a string.

    Raises:
        TypeError: one of them is no text of Unicode.
    """
    lines = orjson.dumps(texts, option=orjson.OPT_INDENT_2)
    return lines[len(b"[\n  ") : -len(b"\n]")].split(b",\n  ") if texts else []


def _escaped(texts: list[str]) -> list[bytes]:
    """Texts as they stand between the quotes of a JSON string."""
    lines = orjson.dumps(texts, option=orjson.OPT_INDENT_2)
    return lines[len(b'[\n  "') : -len(b'"\n]')].split(b'",\n  "') if texts else []


def _texts(values: list[Any]) -> list[str]:
    """The texts of a column's values."""
    return values if set(map(type, values)) <= {str} else list(map(text, values))
