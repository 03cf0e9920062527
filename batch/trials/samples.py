"""Which rows of a table are tried."""

from collections.abc import Mapping
from heapq import heapify, heapreplace

import numpy as np

from ..tables.parts import RowNumbers

ROWS = 20
"""How many rows are tried unless somebody says otherwise."""


def sample_rows(rows: int, wanted: int = ROWS, *, seed: int = 0, first: bool = False) -> RowNumbers:
    """The numbers of the rows to try, ascending; all of them where there are no more.

    Spread over the table: it is cut into as many equal stretches as there are rows to try, and each gives one of
    its rows, by chance. Tables are often sorted, so that their first rows are all of one kind.

    Args:
        rows: How many rows the table has.
        wanted: How many are tried.
        seed: The same seed gives the same rows.
        first: Whether the first rows are tried instead.
    """
    if first or wanted >= rows:
        return np.arange(min(wanted, rows), dtype=np.int64)
    bounds = np.arange(wanted + 1, dtype=np.int64) * rows // wanted
    return np.random.default_rng(seed).integers(bounds[:-1], bounds[1:])


def sample_models(models: Mapping[str, RowNumbers], wanted: int = ROWS, *, seed: int = 0) -> RowNumbers:
    """The numbers of the rows to try of a table with several models, ascending: some of each, where that can be.

    Args:
        models: The numbers of each model's rows, ascending.
        wanted: How many are tried.
        seed: The same seed gives the same rows.
    """
    counts = share_out([len(rows) for rows in models.values()], wanted)
    chosen = [
        rows[sample_rows(len(rows), count, seed=seed)]
        for rows, count in zip(models.values(), counts, strict=True)
        if count
    ]
    return np.sort(np.concatenate(chosen))


def share_out(sizes: list[int], wanted: int) -> list[int]:
    """So many rows for groups of such sizes, none of them empty: one for each, the largest first, then by size."""
    given = [0] * len(sizes)
    waiting = [(-np.inf, -size, place) for place, size in enumerate(sizes)]
    heapify(waiting)
    for _ in range(min(wanted, sum(sizes))):
        _, size, place = waiting[0]
        given[place] += 1
        heapreplace(waiting, (size / given[place], size, place))
    return given
