"""How numbers are spread, counted as they pass: memory is bounded by `CELLS`, however many numbers there are.

A cell is as wide as a power of two, and all are made twice as wide where the numbers spread over too many: so the
same numbers in any order give the same histogram. Whole numbers up to `CELLS` are exact.
"""

from dataclasses import dataclass, field
from math import ceil, floor, frexp, inf, ldexp, log10

import numpy as np
import numpy.typing as npt

CELLS = 4096
"""At most so many cells."""

HUGE, TINY = 1e150, 1e-150
"""What is larger is no number to draw, what is smaller is nothing: quotients of the others are numbers."""

PRECISION = 40
"""Numbers are told apart by so many of their bits."""

NARROWEST = -540

BARS = 24
"""A chart has about so many bars."""

SHOWN_SHARE = 0.995
"""What lies beyond this share of the numbers is in the last bar, so that one giant does not flatten the others."""


@dataclass
class Histogram:
    """Numbers, counted in cells that are 2 to the power of `exponent` wide.

    `whole` says that they are whole numbers: a cell is then 1 wide at least. What is no number, or beyond `HUGE`,
    is left out.
    """

    whole: bool = True
    count: int = 0
    total: float = 0.0
    least: float = inf
    most: float = -inf
    exponent: int = -2_000
    cells: dict[int, int] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """How wide a cell is."""
        return ldexp(1.0, self.exponent)

    def add(self, numbers: npt.NDArray[np.generic]) -> None:
        """Count some more."""
        values = numbers.astype(np.float64)
        values = values[np.abs(values) < HUGE]
        values[np.abs(values) < TINY] = 0
        if not len(values):
            return
        self.count += len(values)
        self.total += float(values.sum())
        self.least, self.most = min(self.least, float(values.min())), max(self.most, float(values.max()))
        self._widen()
        places, counts = np.unique(np.floor(values / self.width).astype(np.int64), return_counts=True)
        for place, count in zip(places.tolist(), counts.tolist(), strict=True):
            self.cells[place] = self.cells.get(place, 0) + count

    def _widen(self) -> None:
        """Make the cells so wide that all that was seen has room in them."""
        before = self.exponent
        precise = frexp(max(abs(self.least), abs(self.most)))[1] - PRECISION
        self.exponent = max(before, precise, 0 if self.whole else NARROWEST)
        while floor(self.most / self.width) - floor(self.least / self.width) >= CELLS:
            self.exponent += 1
        if self.exponent > before:
            known, self.cells = self.cells, {}
            for place, count in known.items():
                wider = place >> self.exponent - before
                self.cells[wider] = self.cells.get(wider, 0) + count

    @property
    def mean(self) -> float:
        """The mean."""
        return self.total / self.count

    def quantile(self, share: float) -> float:
        """The number that so large a share of all does not exceed, true to the width of a cell."""
        wanted, seen = max(ceil(share * self.count), 1), 0
        for place in sorted(self.cells):
            seen += self.cells[place]
            if seen >= wanted:
                return min(max(place * self.width, self.least), self.most)
        return self.most

    def bars(self) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Bounds of bars at round numbers, one more than there are bars, and how many numbers each has.

        The last holds what lies beyond too.
        """
        top = max(self.quantile(SHOWN_SHARE), self.least)
        step = max(_round_step((top - self.least) / BARS), self.width)
        first, last = floor(self.least / step), floor(top / step)
        counts = [0] * (last - first + 1)
        for place, count in self.cells.items():
            counts[min(max(floor(place * self.width / step), first), last) - first] += count
        return tuple(place * step for place in range(first, last + 2)), tuple(counts)


def _round_step(width: float) -> float:
    """The nearest larger 1, 2 or 5 of a power of ten."""
    if width <= 0:
        return 1.0
    power = 10.0 ** floor(log10(width))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= width * 0.999)
