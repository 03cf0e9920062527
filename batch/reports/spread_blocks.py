"""Tokens, and what the answers say: a chart each."""

from collections.abc import Iterable, Iterator
from itertools import islice

from ..words import number
from .blocks import Chart, Columns, Shares
from .found.answer_spreads import AnswerSpread
from .found.histograms import Histogram
from .grids import brief

WORDS = 12
"""A chart has so many words at most; the others are one more."""

LABEL = 24
"""So many characters of a word stand beside its bar."""

CHARTS = 8
"""So many charts show the answers."""

TOKEN_NAMES = {
    "input_tokens": "Input tokens",
    "output_tokens": "Output tokens",
    "reasoning_tokens": "Reasoning tokens",
}


def answer_charts(spreads: Iterable[AnswerSpread]) -> Iterator[Chart]:
    """How the answers are spread, words and numbers before lengths of texts."""
    spreads = [*spreads]
    shares = (_shares(one) for one in spreads if one.words and one.words.total())
    numbers = (_numbers(one, one.numbers) for one in spreads if one.numbers and one.numbers.count)
    lengths = (
        _columns(f"{brief(one.name)}: characters", one.lengths, _empty(one))
        for one in spreads
        if one.lengths and one.lengths.most > one.lengths.least
    )
    yield from islice((*shares, *numbers, *lengths), CHARTS)


def token_charts(tokens: dict[str, Histogram]) -> Iterator[Chart]:
    """How the tokens are spread over the rows, where they differ."""
    for name, title in TOKEN_NAMES.items():
        if tokens[name].most > tokens[name].least:
            yield _columns(f"{title} per row", tokens[name], "")


def _numbers(spread: AnswerSpread, numbers: Histogram) -> Chart:
    """Numbers as columns; a few whole ones, as marks from 1 to 5, by themselves."""
    note = " · ".join(filter(None, (f"mean {number(numbers.mean)}", _empty(spread))))
    if numbers.whole and numbers.width == 1 and numbers.most - numbers.least < WORDS:
        values = range(int(numbers.least), int(numbers.most) + 1)
        counts = tuple(numbers.cells.get(value, 0) for value in values)
        return Shares(brief(spread.name), note, tuple(f"{value:,}" for value in values), counts)
    return _columns(brief(spread.name), numbers, _empty(spread), f"mean {number(numbers.mean)} · ")


def _shares(spread: AnswerSpread) -> Shares:
    """Choices in the order in which they were given, as stars from 1 to 5; other words the most frequent first."""
    assert spread.words is not None, "only spreads that have words"
    told = [*spread.words.items()] if spread.fixed and len(spread.words) <= WORDS else spread.words.most_common()
    shown, rest = told[:WORDS], sum(count for _, count in told[WORDS:])
    shown += [("others", rest)] if rest else []
    words = tuple(_label(brief(word)) for word, _ in shown)
    return Shares(brief(spread.name), _empty(spread), words, tuple(count for _, count in shown))


def _label(word: str) -> str:
    return (word if len(word) <= LABEL else f"{word[: LABEL - 1]}…") or '""'


def _columns(title: str, numbers: Histogram, note: str, before: str = "") -> Columns:
    told = f"{before}median {number(numbers.quantile(0.5))} · 95 % up to {number(numbers.quantile(0.95))}"
    told += f" · longest {number(numbers.most)}" if "characters" in title else f" · most {number(numbers.most)}"
    bounds, counts = numbers.bars()
    return Columns(title, f"{told}{f' · {note}' if note else ''}", bounds, counts)


def _empty(spread: AnswerSpread) -> str:
    return f"{spread.empty:,} without" if spread.empty else ""
