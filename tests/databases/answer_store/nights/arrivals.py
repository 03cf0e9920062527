"""What comes into a table from night to night: ties, late rows, rows without a value, and one from the future."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

Value = int | date | datetime | None
"""What a watermark column holds."""

NIGHTS = 10

FAILING = 4
"""The night whose run fails, counted from 0."""

QUIET = 6
"""The night on which nothing has come."""

BASE = 1_100
"""Rows of the first night: of integers the 1,000 highest are above the mark."""


class Row(NamedTuple):
    """A row of the table; the label is what is asked about."""

    value: Value
    label: str


class Kind(NamedTuple):
    """A kind of column: its values on a night by how far they are from that night, the lag, and a far future."""

    name: str
    at: Callable[[datetime, int, int], Value]
    lag: int | str
    future: Callable[[datetime], Value]


def _id(_night: datetime, number: int, step: int) -> int:
    return 10_000 * (number + 1) + step


def _day(night: datetime, _number: int, step: int) -> date:
    return (night + timedelta(days=step // 1_000)).date()


def _moment(night: datetime, _number: int, step: int) -> datetime:
    return night.astimezone(UTC) + timedelta(seconds=step // 1_000, microseconds=step % 1_000)


KINDS = {
    "integers": Kind("integers", _id, 500, lambda _: 2**62),
    "dates": Kind("dates", _day, "2d", lambda night: (night + timedelta(days=400)).date()),
    "times": Kind("times", _moment, "1h", lambda night: night.astimezone(UTC) + timedelta(days=400)),
}


def arrivals(kind: Kind, number: int, night: datetime, first_rows: int) -> list[Row]:
    """The rows that come before a night, in no order of their values.

    Steps are ids, microseconds of a time or thousandths of a day, below zero for what comes before the night.
    """
    if number == QUIET:
        return []

    def row(step: int, name: str) -> Row:
        return Row(kind.at(night, number, step), f"night {number}: {name}")

    if number == 0:
        base = [row(-2_000 + one, f"row {one}") for one in range(first_rows)]
        return [*reversed(base), Row(kind.future(night), "night 0: from the future"), Row(None, "equal")]
    return [
        row(-100, "new"),
        row(-99, "a microsecond later"),
        Row(kind.at(night - timedelta(days=1), number - 1, -99), f"night {number}: a tie with the night before"),
        Row(kind.at(night - timedelta(days=1), number - 1, -400), f"night {number}: late"),
        Row(None, f"night {number}: without a value"),
        Row(None, "equal"),
    ]
