"""What was sent and what came back, brought together by custom_id, in bounded memory.

All lines are read once, as they come. What usual ones say becomes columns at once, which are then put in the order
of the items; of any others, and of all where an item has several, is noted where they lie, and they are read again
when the turn of their item comes.
"""

from collections import defaultdict
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..files.input_files import items_table
from ..files.output_files import OutputLines, custom_id_of
from .quick.quick_lines import QuickLines
from .sorted_columns import PLACE, SortedColumns

NOWHERE = -1

CUSTOM_ID, POSITION = "custom_id", "position"
"""The columns by which lines are known before they have their places."""

PLACED_BYTES = 16_000_000
"""About how much is read before it gets its places together: each time all custom_ids are looked through."""

Integers = npt.NDArray[np.int64]


class Reconciliation:
    """Which lines tell of which items, each known by its place among those that were sent.

    Args:
        items: What was sent, in order, as row and custom_id; None takes what the lines name, in the order of first
            appearance.
        lines: What came back.
        quick: Reads usual lines, where any are certain.
        columns: Where goes what they say.
    """

    def __init__(
        self, items: pa.Table | None, lines: OutputLines, quick: QuickLines | None, columns: SortedColumns
    ) -> None:
        sent = _named_items(lines) if items is None else items
        self.rows = sent["row"].combine_chunks()
        self.custom_ids = sent[CUSTOM_ID].combine_chunks()
        self.columns = columns
        self._first = np.full(len(sent), NOWHERE, dtype=np.int64)
        self._further: dict[int, list[int]] = defaultdict(list)
        self._uncertain: list[tuple[str | None, int]] = []
        self._gathered: list[pa.RecordBatch] = []
        self._read(lines, quick)

    def _read(self, lines: OutputLines, quick: QuickLines | None) -> None:
        placed = 0
        for positions, chunk in lines.chunks():
            told = [None] * len(chunk) if quick is None else quick.read(chunk)
            usual = [one for one in told if one is not None]
            if len(usual) < len(chunk):
                read = [*zip(positions, chunk, told, strict=True)]
                self._uncertain += [(custom_id_of(line), position) for position, line, one in read if one is None]
                positions = [position for position, _, one in read if one is not None]
            if quick is not None and usual:
                columns = {POSITION: pa.array(positions, pa.int64()), **quick.columns(usual)}
                self._gathered.append(pa.RecordBatch.from_arrays([*columns.values()], names=[*columns]))
                if positions[-1] - placed >= PLACED_BYTES:
                    self._place()
                    placed = positions[-1]
        self._place()
        self.columns.end()

    def _place(self) -> None:
        """Hand on what was gathered, each line at the place of its item; but for one an item."""
        if not self._gathered:
            return
        told = pa.Table.from_batches(self._gathered)
        self._gathered = []
        places = self._places_of(told[CUSTOM_ID])
        new = self._note(places, told[POSITION].to_numpy())
        told = told.drop_columns([POSITION]).append_column(PLACE, pa.array(places))
        self.columns.add(told if new.all() else told.filter(pa.array(new)))

    def _note(self, places: Integers, positions: Integers) -> npt.NDArray[np.bool_]:
        """Note where the lines of these places lie; which are the first of an item that was sent."""
        new = np.zeros(len(places), dtype=bool)
        known = np.flatnonzero(places != NOWHERE)
        found, first = np.unique(places[known], return_index=True)
        new[known[first[self._first[found] == NOWHERE]]] = True
        self._first[places[new]] = positions[new]
        further = known[~new[known]]
        for place, position in zip(places[further].tolist(), positions[further].tolist(), strict=True):
            self._further[place].append(position)
        return new

    def _places_of(self, custom_ids: pa.Array | pa.ChunkedArray) -> Integers:
        """The place of each custom_id: of several items with one, which only others send, the first."""
        places = pc.fill_null(pc.index_in(custom_ids, value_set=self.custom_ids, skip_nulls=True), NOWHERE)
        return np.asarray(places.to_numpy(zero_copy_only=False), dtype=np.int64)

    @cached_property
    def noted(self) -> dict[int, list[int]]:
        """Where the lines of each item lie that columns do not tell of alone, in the order of the items."""
        uncertain = self._places_of(pa.array([custom_id for custom_id, _ in self._uncertain], pa.string()))
        for place, (_, position) in zip(uncertain.tolist(), self._uncertain, strict=True):
            if place != NOWHERE:
                self._further[place].append(position)
        places = sorted({*np.flatnonzero(self._first == NOWHERE).tolist(), *self._further})
        lines_of = self._places_of(self.custom_ids.take(pa.array(places, pa.int64()))).tolist()
        return {place: self._lines_at(of) for place, of in zip(places, lines_of, strict=True)}

    def _lines_at(self, place: int) -> list[int]:
        first = int(self._first[place])
        return sorted([*self._further.get(place, ()), *([] if first == NOWHERE else [first])])

    @property
    def answers(self) -> int:
        """How many items columns tell of alone."""
        return len(self.rows) - len(self.noted)


def _named_items(lines: OutputLines) -> pa.Table:
    """The items that lines name, in the order of their first appearance."""
    names = (custom_id_of(line) for _, line in lines)
    custom_ids = [*dict.fromkeys(name for name in names if name is not None)]
    return items_table(range(len(custom_ids)), custom_ids)
