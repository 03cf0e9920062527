"""Texts with what is secret taken out of them, in every spelling in which it may come back."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from urllib.parse import quote, quote_plus

HIDDEN = "***"
"""What stands for a secret."""

SHORT = 8
"""Fewer characters are hidden only where they stand alone."""


class SecretTexts:
    """Values that no text may show."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values = frozenset(filter(None, values))

    def hide(self, text: str) -> str:
        """The text without them."""
        for pattern in self._patterns:
            text = pattern.sub(HIDDEN, text)
        return text

    def hide_in_error(self, error: BaseException | None) -> None:
        """Also in the errors that it came of; an error that is another's cause may be its context as well."""
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            error.args = tuple(map(self._hide_in_part, error.args))
            error = error.__cause__ or error.__context__

    def _hide_in_part(self, part: object) -> object:
        hidden = self.hide(str(part))
        return part if hidden == str(part) else hidden

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        """The longest first, for one may be a part of another."""
        spelled = {spelling for value in self._values for spelling in _spellings(value)}
        return [_pattern(text) for text in sorted(spelled, key=len, reverse=True)]


def _spellings(value: str) -> Iterator[str]:
    """As it is, as JSON has it, as Python prints bytes, as URLs and as pages have it."""
    yield value
    yield json.dumps(value)[1:-1]
    yield repr(value.encode())[2:-1]
    yield quote(value, safe="")
    yield quote_plus(value)
    yield html.escape(value)


def _pattern(secret: str) -> re.Pattern[str]:
    """A short one, such as `test`, is also a part of words that mean something else."""
    return re.compile(re.escape(secret) if len(secret) >= SHORT else rf"(?<!\w){re.escape(secret)}(?!\w)")
