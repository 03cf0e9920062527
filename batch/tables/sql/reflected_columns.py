"""What SQLAlchemy knows of a column's type, as an Arrow type; what a driver tells of a query's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

DIGITS = 38
"""Digits of the longest decimal; a column of longer ones is text."""

MOMENT = pa.timestamp("us")

OF_PYTHON: dict[Any, pa.DataType] = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    str: pa.string(),
    bytes: pa.binary(),
    bytearray: pa.binary(),
    memoryview: pa.binary(),
    date: pa.date32(),
    datetime: MOMENT,
    time: pa.time64("us"),
}
"""Of Python's types those that are one Arrow type; the others, as Decimal, become text."""


def arrow_type(kind: TypeEngine[Any]) -> pa.DataType | None:
    """The Arrow type of a column of this type; None where it says nothing of the values.

    What Arrow has no type for that loses nothing is text, and so is a decimal of no or of too many digits.
    """
    from sqlalchemy import types

    if isinstance(kind, types.NullType):
        return None
    if isinstance(kind, types.DateTime):
        return pa.timestamp("us", "UTC") if kind.timezone else MOMENT
    if isinstance(kind, types.Numeric) and not isinstance(kind, types.Float | types.Double):
        return decimal_type(kind.precision, kind.scale)
    known: tuple[tuple[Any, pa.DataType], ...] = (
        (types.Boolean, pa.bool_()),
        (types.Integer, pa.int64()),
        (types.Float | types.Double, pa.float64()),
        (types.Date, pa.date32()),
        (types.Time, pa.time64("us")),
        (types.LargeBinary | types._Binary, pa.binary()),
    )
    return next((arrow for one, arrow in known if isinstance(kind, one)), pa.string())


def decimal_type(precision: int | None, scale: int | None) -> pa.DataType:
    """The type of decimals: of so many digits, or text where that is not said or more than Arrow's usual ones."""
    if precision is None or not 0 <= (scale or 0) <= precision <= DIGITS:
        return pa.string()
    return pa.decimal128(precision, scale or 0)


def type_of_values(values: Sequence[Any]) -> pa.DataType:
    """The type of a column whose database says nothing of it, by its first values: text where they differ."""
    types = {type(value) for value in values if value is not None}
    if len(types) != 1:
        return pa.float64() if types == {int, float} else pa.string()
    kind = OF_PYTHON.get(types.pop(), pa.string())
    if kind == MOMENT and all(value is None or value.tzinfo is not None for value in values):
        return pa.timestamp("us", "UTC")
    return kind
