"""Whether two values say the same, though one may be an answer's and one a table's.

CSV is text: there `4`, `4.0` and ` 4` are the number 4, `Yes`, `true` and `1` are yes. So the kind that either of
the two has decides how both are read; two texts are the same but for case and the blanks around them. Times are
the same where they are the same moment, those without a zone as UTC; a date is the same as any time of it. Whole
numbers are compared to the last digit, others as floats are: but for their last digits.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from math import isclose
from typing import Any

from ..tables.value_texts import text

_YES_AND_NO = {
    **dict.fromkeys(("yes", "true", "y", "t", "1"), True),
    **dict.fromkeys(("no", "false", "n", "f", "0"), False),
}

_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")

CLOSE = 1e-9
"""Numbers that are not whole are the same where no more of them lies between: sums of floats differ so."""


def is_nothing(value: Any) -> bool:
    """Whether a table's value says nothing: null, not a number, or no text but blanks."""
    return value is None or (isinstance(value, str) and not value.strip()) or value != value


def says_the_same(one: Any, other: Any) -> bool:
    """Whether two values say the same; nothing says the same as nothing."""
    if one is None or other is None:
        return one is other
    for kinds, read in _READERS:
        if isinstance(one, kinds) or isinstance(other, kinds):
            first, second = read(one), read(other)
            return first is not None and second is not None and _equal(first, second)
    return _plain(one) == _plain(other)


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(says_the_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(says_the_same(one[name], other[name]) for name in one)
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one == other
    if isinstance(one, date) and isinstance(other, date):
        return _day(one) == _day(other)
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one == other or (not (_is_whole(one) and _is_whole(other)) and isclose(one, other, rel_tol=CLOSE))
    return bool(one == other)


def _is_whole(number: Decimal) -> bool:
    return number == number.to_integral_value()


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def _plain(value: Any) -> str:
    return text(value).strip().casefold()


def _yes_or_no(value: Any) -> bool | None:
    return _YES_AND_NO.get(_plain(value).removesuffix(".0"))


def _number(value: Any) -> Decimal | None:
    """A number as it is written, to the last digit."""
    said = _plain(value)
    try:
        number = Decimal(said.replace(",", "") if _THOUSANDS.fullmatch(said) else said)
    except InvalidOperation:
        return None
    return None if number.is_nan() else number


def _date(value: Any) -> date | None:
    """A date, or a moment; 20260105, too, and as a float, which numbers with nulls become in pandas."""
    said = text(value).strip().removesuffix(".0")
    try:
        return date.fromisoformat(said)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _nested(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


_READERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((list, dict), _nested),
    (bool, _yes_or_no),
    (date, _date),
    ((int, float, Decimal), _number),
)
"""How both values are read where one of them is of these kinds; the first that fits."""
