"""Which rows a database is asked for: all that may be new, and as few others as can be told in its SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ...watermarks.kinds import DAY, EPOCH_DAY, Kind

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

EXACT = "postgresql"
"""The dialect that is trusted to compare times to the microsecond.

SQLite compares their texts, which have a `T` or none, a zone, or a fraction; others may bend them by a session's
zone. They are asked for a day more: each row's own value then tells.
"""


def no_lower_than(dialect: str, column: str, kind: Kind, low: int | None) -> ColumnElement[bool] | None:
    """The condition that a column has no value, or one that is no lower than `low`; None where all rows count."""
    from sqlalchemy import column as column_of
    from sqlalchemy import or_

    bound = None if low is None else _bound(kind, low, exact=dialect == EXACT)
    if bound is None:
        return None
    found: ColumnElement[Any] = column_of(column)
    return or_(found >= bound, found.is_(None))


def _bound(kind: Kind, low: int, *, exact: bool) -> Any:
    """A literal no higher than `low`; None where Python has none."""
    from sqlalchemy import BigInteger, Date, DateTime, Numeric, literal

    if kind == "integer":
        return literal(low, BigInteger() if abs(low) < 2**63 else Numeric(asdecimal=False))
    if kind == "date":
        day = low + EPOCH_DAY - (not exact)
        return literal(date.fromordinal(day), Date()) if 1 <= day <= date.max.toordinal() else None
    try:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=(low - (0 if exact else DAY)) // 1_000)
    except OverflowError:
        return None
    zoned = kind == "instant"
    return literal(moment.replace(tzinfo=UTC) if zoned else moment, DateTime(timezone=zoned))
