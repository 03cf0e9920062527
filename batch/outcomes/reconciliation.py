"""What was sent and what came back, brought together by custom_id, in bounded memory.

All lines are read once, as they come. What usual ones say becomes columns at once, which are then put in the order
of the items; of any others, and of all where an item has several, is noted where they lie, and they are read again
when the turn of their item comes.
"""

from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from ..files.input_files import Item
from ..files.output_files import OutputLines, custom_id_of
from .quick.quick_lines import QuickLines, Told
from .sorted_columns import PLACE, SortedColumns

NOWHERE = -1

CHUNK_LINES = 1_000
CHUNK_BYTES = 4_000_000
"""How much is read before it becomes columns."""


class Reconciliation:
    """Which lines tell of which items, each known by its place among those that were sent.

    Args:
        items: What was sent, in order; None takes what the lines name, in the order of first appearance.
        quick: Reads usual lines, where any are certain.
        columns: Where goes what they say.
    """

    def __init__(self, items: Iterable[Item] | None, quick: QuickLines | None, columns: SortedColumns) -> None:
        self.rows: list[int] = []
        self.custom_ids: list[str] = []
        self._all_known = items is not None
        for row, custom_id in items or ():
            self.rows.append(row)
            self.custom_ids.append(custom_id)
        self._places: dict[str | None, int] = {name: place for place, name in enumerate(self.custom_ids)}
        self._first = array("q", [NOWHERE]) * len(self.rows)
        self._noted: dict[int, list[int]] = {}
        self._quick = quick
        self._read = quick.read if quick else _uncertain
        self.columns = columns

    def read(self, lines: OutputLines) -> None:
        """Read all lines."""
        told: list[Told] = []
        places: list[int] = []
        size = 0
        read, place_of, first = self._read, self._places.get, self._first
        for position, line in lines:
            usual = read(line)
            custom_id = custom_id_of(line) if usual is None else usual[0].custom_id
            place = place_of(custom_id, NOWHERE)
            if place == NOWHERE:
                if self._all_known or custom_id is None:
                    continue
                place = self._new(custom_id)
            if first[place] != NOWHERE:
                self._noted.setdefault(place, [first[place]]).append(position)
                continue
            first[place] = position
            if usual is None:
                self._noted[place] = [position]
                continue
            told.append(usual)
            places.append(place)
            size += len(line)
            if len(told) == CHUNK_LINES or size >= CHUNK_BYTES:
                self._add(told, places)
                told, places, size = [], [], 0
        self._add(told, places)
        self.columns.end()

    def _new(self, custom_id: str) -> int:
        place = self._places[custom_id] = len(self.rows)
        self.rows.append(place)
        self.custom_ids.append(custom_id)
        self._first.append(NOWHERE)
        return place

    def _add(self, told: Sequence[Told], places: Sequence[int]) -> None:
        if told and self._quick:
            self.columns.add(pa.RecordBatch.from_pydict({PLACE: pa.array(places), **self._quick.columns(told)}))

    @cached_property
    def noted(self) -> dict[int, list[int]]:
        """Where the lines of each item lie that columns do not tell of alone, in the order of the items."""
        untold = np.flatnonzero(np.array(self._first) == NOWHERE).tolist()
        return {place: self._lines_of(self.custom_ids[place]) for place in sorted({*untold, *self._noted})}

    @property
    def answers(self) -> int:
        """How many items columns tell of alone."""
        return len(self.rows) - len(self.noted)

    def _lines_of(self, custom_id: str) -> list[int]:
        place = self._places[custom_id]  # where it was sent twice, the last
        first = self._first[place]
        return self._noted.get(place) or ([] if first == NOWHERE else [first])


def _uncertain(_: bytes) -> None:
    """No line is certain."""
