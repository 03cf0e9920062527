"""A table read for its new rows: which to take, and what to remember of it. Knows values and digests, no rows."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .highest import Highest, HighestBut, HighestUntil, Values, at_least, higher
from .remembered import DIGEST, Digests, Remembered

Places = npt.NDArray[np.int64]
"""The places of rows in a batch."""

Mask = npt.NDArray[np.bool_]
"""For each row whether."""

PRUNED_FROM = 10_000
"""What is remembered in vain is let go when there are twice as many rows as were needed, and so many more."""


@dataclass(frozen=True)
class Bounds:
    """From where a table is read, in its column's own unit; None: from the lowest value.

    `low` is the lowest value that is read, `mark` the last mark, `lag` how far below a mark rows may come,
    `trusted_until` the highest value that may become one, where that depends on the clock.
    """

    low: int | None = None
    mark: int | None = None
    lag: int = 0
    trusted_until: int | None = None


@dataclass
class Counts:
    """How many rows were new, how many of them below the last mark or without a value, and how many known."""

    new: int = 0
    late: int = 0
    without_value: int = 0
    known: int = 0


@dataclass
class Found:
    """What a whole reading tells: its mark, from where on rows are remembered, and those, in the column's unit."""

    mark: int | None
    floor: int | None
    seen: Digests


@dataclass
class _Kept:
    values: list[Values] = field(default_factory=list)
    digests: list[Digests] = field(default_factory=list)
    without_value: list[Digests] = field(default_factory=list)
    rows: int = 0
    bound: int = PRUNED_FROM


class Reading:
    """A reading of a table, given in batches.

    Memory holds the digests of rows that may come above the floor of the next mark, at most twice as many as in
    the end; a reading that may be cut off at a limit keeps all that it takes, which the limit bounds.
    """

    def __init__(self, bounds: Bounds, remembered: Remembered | None = None, limit: int | None = None) -> None:
        self.counts = Counts()
        self._bounds = bounds
        self._remembered = remembered or None
        self._limit = limit
        self._kept = _Kept()
        self._taken: list[Digests] = []
        until = bounds.trusted_until
        self._highest: Highest = HighestBut() if until is None else HighestUntil(until)

    @property
    def is_cut_off(self) -> bool:
        """Whether the limit is reached, so that rows may be left which nobody has looked at."""
        return self._limit is not None and self.counts.new >= self._limit

    def take(self, values: Values, valid: Mask, digests: Callable[[Places], Digests]) -> Places:
        """The places of the new rows of a batch, ascending; they count as taken.

        Args:
            values: The watermark column; anything where it has no value.
            valid: Where it has one.
            digests: The digests of the rows at some places, asked for where they are needed.
        """
        read = at_least(values, self._bounds.low)
        self._highest.see(values[valid & read])
        places = np.flatnonzero(~valid | read)
        to_keep = self._is_to_keep(values[places], valid[places])
        needed = np.ones_like(to_keep) if self._remembered else to_keep
        made = np.zeros(len(places), dtype=DIGEST)
        made[needed] = digests(places[needed])
        known = self._remembered.recognise(made) if self._remembered else np.zeros_like(to_keep)
        end = self._end(known)
        places, known, made, to_keep = places[:end], known[:end], made[:end], to_keep[:end]
        self._count(values[places], valid[places], known)
        self._keep(values[places[to_keep]], valid[places[to_keep]], made[to_keep])
        if self._limit is not None:
            self._taken.append(made[~known])
        return places[~known]

    def found(self) -> Found:
        """The mark of the whole table, and what is to be remembered; of a reading that was not cut off."""
        self._prune()
        kept = self._kept
        seen = np.concatenate([np.zeros(0, DIGEST), *kept.digests, *kept.without_value])
        return Found(self._mark, self._floor, seen)

    def taken(self) -> Digests:
        """The digests of the rows that a reading with a limit has taken."""
        return np.concatenate([np.zeros(0, DIGEST), *self._taken])

    @property
    def _mark(self) -> int | None:
        return higher(self._bounds.mark, self._highest.value)

    @property
    def _floor(self) -> int | None:
        mark = self._mark
        return None if mark is None else higher(mark - self._bounds.lag, self._bounds.low)

    def _is_to_keep(self, values: Values, valid: Mask) -> Mask:
        """Which rows may have to be remembered, as far as the table is known."""
        return np.ones_like(valid) if self._limit is not None else ~valid | at_least(values, self._floor)

    def _end(self, known: Mask) -> int:
        """How many of some rows are looked at before the limit is reached."""
        if self._limit is None:
            return len(known)
        left = self._limit - self.counts.new
        return int(np.searchsorted(np.cumsum(~known), left)) + 1 if left else 0

    def _count(self, values: Values, valid: Mask, known: Mask) -> None:
        counts, new = self.counts, ~known
        counts.new += int(new.sum())
        counts.known += int(known.sum())
        counts.without_value += int((new & ~valid).sum())
        if self._bounds.mark is not None:
            counts.late += int((new & valid & ~at_least(values, self._bounds.mark)).sum())

    def _keep(self, values: Values, valid: Mask, digests: Digests) -> None:
        kept = self._kept
        kept.values.append(values[valid])
        kept.digests.append(digests[valid])
        kept.without_value.append(digests[~valid])
        kept.rows += int(valid.sum())
        if self._limit is None and kept.rows > kept.bound:
            self._prune()

    def _prune(self) -> None:
        """Let go of what is below the floor, which only rises."""
        kept, floor = self._kept, self._floor
        above = [at_least(values, floor) for values in kept.values]
        kept.values = [values[one] for values, one in zip(kept.values, above, strict=True)]
        kept.digests = [digests[one] for digests, one in zip(kept.digests, above, strict=True)]
        kept.rows = sum(map(len, kept.values))
        kept.bound = 2 * kept.rows + PRUNED_FROM
