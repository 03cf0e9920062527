"""Texts with what is secret taken out of them, in every spelling in which it may come back."""

import html
import json
import re
from collections.abc import Iterable
from functools import cached_property
from string import ascii_letters, digits
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
        return [_pattern(value) for value in sorted(self._values, key=len, reverse=True)]


_NEVER_ESCAPED = frozenset(ascii_letters + digits + "-._~")


def _pattern(secret: str) -> re.Pattern[str]:
    """In every spelling; a short one, such as `test`, is also a part of words that mean something else."""
    spelled = "".join(map(_spelled, secret))
    return re.compile(spelled if len(secret) >= SHORT else rf"(?<!\w){spelled}(?!\w)")


def _spelled(sign: str) -> str:
    """One sign as it is, as JSON has it, as Python prints bytes, as URLs and as pages have it."""
    if sign in _NEVER_ESCAPED:
        return re.escape(sign)
    in_json = json.dumps(sign)[1:-1]
    ways = {
        *(sign, f"\\{sign}", in_json, json.dumps(in_json)[1:-1], repr(sign.encode())[2:-1]),
        *(quote(sign, safe=""), quote_plus(sign), html.escape(sign)),
    }
    numbers = rf"(?i:\\u{ord(sign):04x}|%{ord(sign):02x}|&#0*{ord(sign)};|&#x0*{ord(sign):x};)"
    return f"(?:{'|'.join([*map(re.escape, sorted(ways, key=len, reverse=True)), numbers])})"
