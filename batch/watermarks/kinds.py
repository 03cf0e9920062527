"""What a watermark column holds, as exact integers: themselves, days, or nanoseconds."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

from ..errors import SourceError
from .watermark import Watermark, nanoseconds_of

Kind = Literal["integer", "date", "wall time", "instant"]
"""A time without a zone is what a clock on some wall showed; with one it is an instant, whichever the zone."""

DAY = 86_400 * 10**9
"""Nanoseconds."""

EPOCH_DAY = date(1970, 1, 1).toordinal()

WESTERNMOST = timedelta(hours=12)
"""A clock on a wall shows at least UTC's time less this."""


def lag_of(watermark: Watermark, kind: Kind) -> int:
    """The lag in a column's integers.

    Raises:
        SourceError: it is a number and the column has times, or the other way round.
    """
    lag = watermark.lag
    if lag == 0:
        return 0
    if isinstance(lag, int) != (kind == "integer"):
        wanted = "a number, as 1000" if kind == "integer" else "a duration, as 2h or 1d"
        raise SourceError(
            f"The lag {lag!r} does not fit the watermark column {watermark.column!r}, which holds {NAMES[kind]}: "
            f"give {wanted}.",
            column=watermark.column,
        )
    if isinstance(lag, int):
        return lag
    nanoseconds = nanoseconds_of(lag)
    return -(-nanoseconds // DAY) if kind == "date" else nanoseconds


def trusted_until(kind: Kind, now: datetime) -> int | None:
    """The highest value that is no row from the future, wherever on Earth it was written; None of integers."""
    if kind == "integer":
        return None
    begun = now.astimezone(UTC)
    if kind == "instant":
        return _nanoseconds(begun)
    begun -= WESTERNMOST
    return begun.toordinal() - EPOCH_DAY if kind == "date" else _nanoseconds(begun)


def shown(kind: Kind, value: int) -> str:
    """A value as a person reads it, exact to the last digit."""
    if kind == "integer":
        return f"{value:,}"
    days, nanoseconds = (value, 0) if kind == "date" else divmod(value, DAY)
    ordinal = days + EPOCH_DAY
    if not 1 <= ordinal <= date.max.toordinal():
        return f"{value:,} {'days' if kind == 'date' else 'ns'} from 1970"
    day = date.fromordinal(ordinal).isoformat()
    if kind == "date":
        return day
    seconds, fraction = divmod(nanoseconds, 10**9)
    time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{day} {time}{f'.{fraction:09}'.rstrip('0') if fraction else ''}{'Z' if kind == 'instant' else ''}"


NAMES: dict[Kind, str] = {
    "integer": "integers",
    "date": "dates",
    "wall time": "times without a zone",
    "instant": "times with a zone",
}
"""What a column of each kind holds, in words."""


def _nanoseconds(time: datetime) -> int:
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1_000
