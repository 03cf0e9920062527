"""The value that a mark may have: the highest that stops nothing after it."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.integer]
"""The values of a column in its own unit, as signed or unsigned integers of 64 bits."""

HIGHEST_KEPT_OUT = 1_000
"""So many of the highest integers are remembered one by one, and the mark is below them.

An id that is far too high is one of them, and stops nothing after it; nor does a transaction that commits late.
"""


class Highest(Protocol):
    """The highest value that can be trusted of all that it has seen; it never falls."""

    @property
    def value(self) -> int | None:
        """That value; None while there is none."""
        ...

    def see(self, values: Values) -> None:
        """Take some more into account."""
        ...


class HighestBut:
    """The highest integer but for the `HIGHEST_KEPT_OUT` above it."""

    def __init__(self) -> None:
        self._top: Values | None = None

    @property
    def value(self) -> int | None:
        """That integer; None of fewer."""
        return None if self._top is None or len(self._top) <= HIGHEST_KEPT_OUT else int(self._top[0])

    def see(self, values: Values) -> None:
        """Take some more into account; equal ones count once."""
        known = values if self._top is None else np.concatenate([self._top, values])
        self._top = np.unique(known)[-HIGHEST_KEPT_OUT - 1 :]


class HighestUntil:
    """The highest time that is not after a certain one."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._value: int | None = None

    @property
    def value(self) -> int | None:
        """That time; None where all are later."""
        return self._value

    def see(self, values: Values) -> None:
        """Take some more into account."""
        past = values[~at_least(values, self._until + 1)]
        if len(past):
            self._value = max(int(past.max()), int(past.min()) if self._value is None else self._value)


def at_least(values: Values, low: int | None) -> npt.NDArray[np.bool_]:
    """Which values are no lower than `low`, which may be an integer of any size; None is lower than all."""
    bounds = np.iinfo(values.dtype)
    if low is None or low <= bounds.min:
        return np.ones(len(values), dtype=bool)
    if low > bounds.max:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(values >= values.dtype.type(low))


def higher(one: int | None, other: int | None) -> int | None:
    """The higher of two; None is lower than all."""
    return max((value for value in (one, other) if value is not None), default=None)
