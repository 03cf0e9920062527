"""Values as a driver gives them, made a column of one Arrow type: each fits as it is, or is refused."""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from types import NoneType
from typing import Any

import orjson
import pyarrow as pa

AT_ONCE: dict[type, Callable[[pa.DataType], bool]] = {
    str: lambda kind: pa.types.is_string(kind) or pa.types.is_decimal(kind) or _is_day_or_moment(kind),
    bool: pa.types.is_boolean,
    int: pa.types.is_integer,
    float: pa.types.is_floating,
    bytes: pa.types.is_binary,
    list: pa.types.is_list,
}
"""What Python's values of one type can become all at once, without a loss that Arrow would not tell of."""

MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")
"""A fraction of a second that a microsecond does not hold."""


class Misfit(ValueError):
    """A value is none of its column's type; `place` counts from 0."""

    def __init__(self, place: int, value: Any, kind: pa.DataType) -> None:
        super().__init__(place, value, kind)
        self.place, self.value, self.kind = place, value, kind


def sql_column(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Values of a database as a column.

    Raises:
        Misfit: one of them cannot be held exactly by a column of this type.
    """
    types = {*map(type, values)} - {NoneType}
    if not types or (len(types) == 1 and types <= AT_ONCE.keys() and AT_ONCE[types.pop()](kind)):
        try:
            return _at_once(values, kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            pass  # one of them is at fault, and is found below
    return pa.array([_exactly(place, value, kind) for place, value in enumerate(values)], kind)


def _at_once(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_list(kind):
        # Only lists are known to hold what they should; what is in them is looked at in turn.
        lengths = [None if one is None else len(one) for one in values]
        inside = sql_column([element for one in values if one is not None for element in one], kind.value_type)
        return _lists(lengths, inside, kind)
    if pa.types.is_decimal(kind) or _is_day_or_moment(kind):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


def _lists(lengths: list[int | None], inside: pa.Array, kind: pa.DataType) -> pa.Array:
    starts, end = [], 0
    for length in lengths:
        starts.append(None if length is None else end)
        end += length or 0
    return pa.ListArray.from_arrays(pa.array([*starts, end], pa.int32()), inside, type=kind)


def _exactly(place: int, value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    try:
        made = _made(value, kind)
        pa.scalar(made, kind)
    except (pa.ArrowException, ArithmeticError, TypeError, ValueError):
        raise Misfit(place, value, kind) from None
    return made


def _made(value: Any, kind: pa.DataType) -> Any:
    """A value as Arrow takes it for this type; ValueError where it would lose something."""
    if pa.types.is_list(kind):
        return [None if one is None else _made(one, kind.value_type) for one in _of(value, list | tuple)]
    if pa.types.is_string(kind):
        return _text(value)
    if pa.types.is_boolean(kind):
        return bool(_among(value, (0, 1)))
    if pa.types.is_integer(kind):
        return int(_among(_of(value, int | Decimal), (int(value),)))
    if pa.types.is_floating(kind):
        return _float(_of(value, int | float | Decimal))
    if pa.types.is_binary(kind):
        return bytes(_of(value, bytes | bytearray | memoryview))
    if pa.types.is_decimal(kind):
        return _decimal(value)
    return _moment(value, kind)


def _of(value: Any, types: Any) -> Any:
    if not isinstance(value, types):
        raise ValueError
    return value


def _among(value: Any, values: tuple[Any, ...]) -> Any:
    if value not in values:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        raise ValueError
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=str).decode()
    return str(value)


def _float(value: float | Decimal) -> float:
    made = float(value)
    if isinstance(value, int) and made != value:
        raise ValueError
    return made


def _decimal(value: Any) -> Decimal:
    """Arrow itself refuses one of more digits than its column has."""
    try:
        return Decimal(str(_of(value, int | float | Decimal | str)))
    except InvalidOperation:
        raise ValueError from None


def _moment(value: Any, kind: pa.DataType) -> date | datetime | time:
    """A date, time or moment, as one or as text in ISO 8601; one has a zone where its column has."""
    python = date if pa.types.is_date(kind) else time if pa.types.is_time(kind) else datetime
    if isinstance(value, str):
        if MICROSECONDS.search(value):
            raise ValueError
        value = python.fromisoformat(value)
    if type(value) is not python:
        raise ValueError
    zone = None if isinstance(value, date) and not isinstance(value, datetime) else value.tzinfo
    if (zone is not None) != (pa.types.is_timestamp(kind) and kind.tz is not None):
        raise ValueError
    return value


def _is_day_or_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def shown_value(value: Any, longest: int = 40) -> str:
    """A value as an error quotes it."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
