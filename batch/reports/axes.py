"""Where a chart's axis has its marks: at whole numbers that a person counts in, of time at those of a clock."""

from math import ceil

MOST = 6
"""So many marks an axis has at most, its beginning included."""

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400

_OF_A_CLOCK = (
    *(1, 2, 5, 10, 15, 30),
    *(minutes * _MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * _HOUR for hours in (1, 2, 3, 6, 12)),
)
"""Seconds between two marks of an axis of time that is shorter than some days."""


def count_marks(most: float) -> list[int]:
    """The marks of an axis of counts, which goes on to `most`: nothing is counted in halves."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if most < MOST * step:
                return [*range(0, int(most) + 1, step)]
        size *= 10


def time_marks(longest: float) -> list[int]:
    """The marks of an axis of time, in seconds."""
    days = ceil((longest + 1) / MOST / _DAY) * _DAY
    step = next(step for step in (*_OF_A_CLOCK, days) if longest < MOST * step)
    return [*range(0, int(longest) + 1, step)]
