"""Which rows of a table are tried."""

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
