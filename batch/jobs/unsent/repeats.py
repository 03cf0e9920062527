"""Which rows of a job send the very same: the first of them is sent, the others have its answer.

Parts are gone through in order, each with the digests of all rows before it that were sent: 32 bytes a row,
and 24 more while they are sorted.
"""

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
import pyarrow as pa

from ...errors import RequestError
from ...files.input_files import Item
from ...files.kept_tables import keep_table, kept_table
from ...files.lines import Lines
from ...storage.folders import Folder

SENT = "{:05d}.sent.parquet"
"""The digests of the rows of a part that are sent, as two numbers each."""

Halves = tuple[int, int]


class Repeats:
    """Takes out of the lines of a part those that send the very same as a line before them.

    Attributes:
        items: The items that were taken out, in the order of their rows.
        firsts: For each of them the row that sends it.
        asked: A digest of what they would have sent.
    """

    def __init__(self, earlier: pa.Table) -> None:
        self.items: list[Item] = []
        self.firsts: list[int] = []
        self.asked = sha256()
        self._order = np.argsort(earlier["high"].to_numpy(), kind="stable")
        self._high = earlier["high"].to_numpy()[self._order]
        self._low = earlier["low"].to_numpy()
        self._rows = earlier["row"].to_numpy()
        self._own: dict[Halves, int] = {}

    def take(self, lines: Lines, digests: Sequence[bytes], places: Sequence[int]) -> list[int]:
        """Which of these places send what no line before them sends."""
        left = []
        for place, first in zip(places, self._earlier([digests[place] for place in places]), strict=True):
            row = lines.rows[place]
            sender = self._own.setdefault(_halves(digests[place]), row) if first is None else first
            if sender == row:
                left.append(place)
            else:
                self.items.append((row, lines.custom_ids[place]))
                self.firsts.append(sender)
                self.asked.update(digests[place])
        return left

    def _earlier(self, digests: Sequence[bytes]) -> list[int | None]:
        """The rows of earlier parts that send the same; None where none does."""
        if not len(self._high) or not digests:
            return [None] * len(digests)
        high, low = (np.array(half, dtype=np.uint64) for half in zip(*map(_halves, digests), strict=True))
        places = np.minimum(np.searchsorted(self._high, high), len(self._high) - 1)
        known = self._order[places]
        same = (self._high[places] == high) & (self._low[known] == low)
        return [row if alike else None for row, alike in zip(self._rows[known].tolist(), same, strict=True)]

    def sent(self) -> pa.Table:
        """The digests of this part's rows that are sent."""
        high, low = zip(*self._own, strict=True) if self._own else ((), ())
        rows = np.array([*self._own.values()], dtype=np.int64)
        return _table(np.array(high, dtype=np.uint64), np.array(low, dtype=np.uint64), rows)


def earlier_rows(folder: Folder, part: int) -> pa.Table:
    """The digests of the rows of all parts before this one.

    Raises:
        RequestError: a part before it was not built yet.
    """
    tables = [_table(*(np.array([], dtype=kind) for kind in (np.uint64, np.uint64, np.int64)))]
    for number in range(part):
        if not folder.exists(SENT.format(number)):
            raise RequestError(
                f"Rows that send the same are found in order: build selection {number} before {part}.", row=None
            )
        tables.append(kept_table(folder, SENT.format(number)))
    return pa.concat_tables(tables)


def keep_sent(folder: Folder, part: int, repeats: Repeats) -> None:
    """Note for later parts what this one sends."""
    keep_table(folder, SENT.format(part), repeats.sent())


def _table(high: np.ndarray, low: np.ndarray, rows: np.ndarray) -> pa.Table:
    return pa.table({"high": high, "low": low, "row": rows})


def _halves(digest: bytes) -> Halves:
    """The first 16 bytes of a digest as two numbers."""
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:16])
