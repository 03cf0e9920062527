"""Days, moments, times of day and durations as Python's own, and the texts of those that Python cannot hold."""

from typing import Any

import pyarrow as pa

from .value_texts import text

A_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000}
"""How many units of time a day has."""

CYCLE_YEARS, CYCLE_DAYS = 400, 146_097
"""After so many years the calendar comes again, day by day."""


def temporal_values(column: pa.Array) -> list[Any]:
    """The values of a column, None for null: each by itself, whatever stands beside it.

    A moment outside the years 1 to 9999 of its zone is one in UTC. What Python cannot hold there either is its
    text: other years, a time of day to the nanosecond, a duration of more than 999,999,999 days.
    """
    kind = column.type
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return _times(column)
    try:
        return list(column.to_pylist())
    except KeyError:  # a zone that Python does not know
        return temporal_values(_in_utc(column))
    except (OverflowError, ValueError):  # some go further than Python's
        is_zoned = pa.types.is_timestamp(kind) and kind.tz not in (None, "UTC")
        others = temporal_values(_in_utc(column)) if is_zoned else column
        return [_value(value, other) for value, other in zip(column, others, strict=True)]


def _times(column: pa.Array) -> list[Any]:
    rests = column.cast(pa.int64()).fill_null(0).to_numpy() % 1000  # which Python's times have not
    return [
        f"{time.isoformat('microseconds')}{rest:03}" if rest else time
        for time, rest in zip(column.to_pylist(), rests, strict=True)
    ]


def _value(value: pa.Scalar, other: Any) -> Any:
    try:
        return value.as_py()
    except (OverflowError, ValueError):
        return _far_text(other) if isinstance(other, pa.Scalar) else other


def _in_utc(column: pa.Array) -> pa.Array:
    return column.cast(pa.timestamp(column.type.unit, "UTC"))


def _far_text(value: pa.Scalar) -> str:
    """The text of a duration, or of a day or moment as it stands in the calendar's cycle from 1970 on."""
    kind = value.type
    a_day = 1 if pa.types.is_date32(kind) else A_DAY["ms" if pa.types.is_date64(kind) else kind.unit]
    if pa.types.is_duration(kind):
        days, rest = divmod(value.value, a_day)
        return f"{days} days, {text(pa.scalar(rest, kind).as_py())}"
    cycles, rest = divmod(value.value, CYCLE_DAYS * a_day)
    first, behind = text(pa.scalar(rest, kind).as_py()).split("-", 1)
    year = int(first) + cycles * CYCLE_YEARS
    return f"{'-' * (year < 0)}{abs(year):04}-{behind}"
