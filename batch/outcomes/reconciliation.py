"""What was sent and what came back, brought together by custom_id, in bounded memory.

All lines are read once, as they come. What usual ones say becomes columns at once, which are then put in the order
of the items; of any others, and of all where an item has several, is noted where they lie, and they are read again
when the turn of their item comes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..files.input_files import items_table
from ..files.output_files import Integers, OutputLines, custom_id_of, lines_of
from .quick.quick_lines import QuickLines, Told
from .sorted_columns import PLACE, SortedColumns

NOWHERE = -1

CUSTOM_ID, POSITION = "custom_id", "position"
"""The columns by which lines are known before they have their places."""

GATHERED_BYTES = 32_000_000
"""About the most bytes of columns that are put in order together, in memory."""


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
        self._bytes = 0
        self._read(lines, quick)

    def _read(self, lines: OutputLines, quick: QuickLines | None) -> None:
        for position, chunk in lines.chunks():
            told = None if quick is None else quick.read(chunk)
            if quick is None or told is None:
                self._read_each(enumerate(lines_of(chunk), position), quick)
            else:
                self._gather(quick, np.arange(position, position + len(told)), told)
            if self._bytes >= GATHERED_BYTES:
                self._place()
        self._place(last=True)

    def _read_each(self, lines: Iterable[tuple[int, bytes]], quick: QuickLines | None) -> None:
        positions, usual = [], []
        for position, line in lines:
            told = None if quick is None else quick.read_line(line)
            if told is None:
                self._uncertain.append((custom_id_of(line), position))
            else:
                positions.append(position)
                usual.append(told)
        if quick is not None and usual:
            self._gather(quick, np.array(positions, dtype=np.int64), usual)

    def _gather(self, quick: QuickLines, positions: Integers, told: Sequence[Told]) -> None:
        columns = {POSITION: pa.array(positions), **quick.columns(told)}
        batch = pa.RecordBatch.from_arrays([*columns.values()], names=[*columns])
        self._gathered.append(batch)
        self._bytes += batch.get_total_buffer_size()

    def _place(self, *, last: bool = False) -> None:
        """Hand on what was gathered, each line at the place of its item; but for one an item."""
        if not self._gathered:
            return
        told = pa.Table.from_batches(self._gathered)
        self._gathered, self._bytes = [], 0
        places = self._places_of(told[CUSTOM_ID])
        new = self._note(places, told[POSITION].to_numpy())
        told = told.drop_columns([POSITION]).append_column(PLACE, pa.array(places))
        self.columns.add(told if new.all() else told.filter(pa.array(new)), last=last)

    def _note(self, places: Integers, positions: Integers) -> npt.NDArray[np.bool_]:
        """Note the positions of the lines of these places; which are the first of an item that was sent."""
        new = np.zeros(len(places), dtype=bool)
        known = np.flatnonzero(places != NOWHERE)
        first = np.empty(len(self._first), dtype=np.int64)
        first[places[known[::-1]]] = known[::-1]  # of several the first stays
        new[known] = (first[places[known]] == known) & (self._first[places[known]] == NOWHERE)
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
        """The positions of the lines of each item that columns do not tell of alone, in the order of the items."""
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
