"""How the answers are spread: how many rows have each word, and where numbers and lengths lie."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from ...schemas.answer_types import AnswerType
from .histograms import Histogram

MOST_WORDS = 12
"""Answers that are free text are counted by their words as long as there are no more than so many."""

MOST_FIELDS = 12
"""So many fields of an answer are looked at."""

LONGEST_WORD = 60
"""Characters of an answer that may be a word, as a label is."""


@dataclass
class AnswerSpread:
    """How a field of the answers is spread: by words, as numbers, or as lengths of texts in characters.

    `words` is None where there are too many, or none are meant. `empty` counts the answers that say nothing here.
    """

    name: str
    words: Counter[str] | None = None
    numbers: Histogram | None = None
    lengths: Histogram | None = None
    fixed: bool = False
    empty: int = field(default=0)

    def add(self, values: pa.Array) -> None:
        """Count some more answers."""
        self.empty += values.null_count
        values = values.drop_null()
        if self.numbers is not None:
            self.numbers.add(values.to_numpy(zero_copy_only=False))
        if self.lengths is not None:
            self.lengths.add(pc.utf8_length(values).to_numpy(zero_copy_only=False))
        if self.words is not None:
            self._add_words(self.words, values)

    def _add_words(self, words: Counter[str], values: pa.Array) -> None:
        texts = values.cast(pa.string()) if self.fixed else pc.utf8_trim_whitespace(values)
        counted = pc.value_counts(texts)
        found = dict(zip(*(part.to_pylist() for part in counted.flatten()), strict=True))
        words.update(found)
        if not self.fixed and (len(words) > MOST_WORDS or any(len(word) > LONGEST_WORD for word in found)):
            self.words = None


def answer_spreads(answer: AnswerType | None, *, texts: bool) -> tuple[AnswerSpread, ...]:
    """What is looked at in the answers of a request: their fields where they are typed, else their text.

    Args:
        answer: The type of the answers, where they have one.
        texts: Whether the others are texts; vectors are not.
    """
    if answer is not None:
        spreads = (_of_field(one, answer.choices.get(one.name)) for one in answer.columns)
        return tuple(spread for spread in spreads if spread is not None)[:MOST_FIELDS]
    return (AnswerSpread("answer", words=Counter(), lengths=Histogram()),) if texts else ()


def _of_field(one: pa.Field, choices: Sequence[str] | None) -> AnswerSpread | None:
    if choices is not None or pa.types.is_boolean(one.type):
        words = choices if choices is not None else ("true", "false")
        return AnswerSpread(one.name, words=Counter(dict.fromkeys(words, 0)), fixed=True)
    if pa.types.is_integer(one.type) or pa.types.is_floating(one.type):
        return AnswerSpread(one.name, numbers=Histogram(whole=pa.types.is_integer(one.type)))
    return AnswerSpread(one.name, lengths=Histogram()) if pa.types.is_string(one.type) else None


def fields_of(outcomes: pa.RecordBatch, column: str) -> Iterator[tuple[str, pa.Array]]:
    """The fields of the answers that a struct column holds, by name."""
    struct = outcomes[column]
    names = [struct.type.field(place).name for place in range(struct.type.num_fields)]
    return zip(names, struct.flatten(), strict=True)
