"""How many tokens the items of a template take, many at once: what is constant in them is counted once."""

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import orjson

from ..requests.encoding.body_pieces import BodyPieces
from ..requests.encoding.template_texts import TemplateTexts
from ..requests.endpoints import Endpoint
from .token_sizes import (
    encoding_of,
    is_tokens,
    json_size,
    texts_read,
    tokens_around,
    tokens_of_bytes,
    what_is_read,
)

Count = Callable[[str], int]


class TemplateTokens:
    """Tells what the input of each row takes, as `item_tokens` tells it of the row's body.

    Raises:
        ValueError: a text stands within JSON that a model reads as a text itself, so that it cannot be told alone.
    """

    def __init__(self, endpoint: Endpoint, pieces: BodyPieces) -> None:
        self._marks = pieces.marks
        self._read = what_is_read(endpoint, pieces.marked)
        self._texts = [] if self._read is None else list(texts_read(self._read))
        self._around = 0 if self._read is None else tokens_around(endpoint, self._read)
        if any(text not in self._marks and any(mark in text for mark in self._marks) for text in self._texts):
            raise ValueError("a template stands within JSON that is read as a text")

    def inputs(self, texts: Sequence[TemplateTexts], models: Sequence[str]) -> list[int | None]:
        """What the input of each row takes, by what each template says and by the row's model; None if unknown."""
        if self._read is None or is_tokens(self._read[0]):
            return [None if self._read is None else len(self._read[0])] * len(models)
        told = {count: self._told(count, texts, len(models)) for count in map(encoding_of, set(models))}
        if len(told) == 1:
            return [*told.popitem()[1]]
        return [told[encoding_of(model)][place] for place, model in enumerate(models)]

    def _told(self, count: Count | None, texts: Sequence[TemplateTexts], rows: int) -> list[int]:
        said = dict(zip(self._marks, texts, strict=True))
        return self._by_bytes(said, rows) if count is None else self._counted(count, said, rows)

    def _counted(self, count: Count, said: dict[str, TemplateTexts], rows: int) -> list[int]:
        assert self._read is not None
        constant = self._around + sum(count(text) for text in self._texts if text not in said)
        texts = [map(count, said[text].texts) for text in self._texts if text in said]
        return list(map(sum, zip(repeat(constant, rows), *texts, strict=True)))

    def _by_bytes(self, said: dict[str, TemplateTexts], rows: int) -> list[int]:
        assert self._read is not None
        sizes = np.zeros(rows, dtype=np.int64)
        for value in self._read:
            sizes += json_size(value)
            for mark in _marks_in(value, self._marks):
                if value == mark:
                    sizes += np.fromiter(map(json_size, said[mark].texts), np.int64, rows) - len(mark)
                else:
                    sizes += said[mark].encoded_sizes - len(orjson.dumps(mark))
        told: list[int] = tokens_of_bytes(sizes).tolist()
        return told


def _marks_in(value: Any, marks: Sequence[str]) -> list[str]:
    written = orjson.dumps(value)
    return [mark for mark in marks if orjson.dumps(mark) in written]
