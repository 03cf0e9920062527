"""Columns that come in any order, taken back in the order of their places; memory holds one run of them."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from tempfile import TemporaryFile

import numpy as np
import pyarrow as pa

PLACE = "place"
"""The column by which the others are put in order."""

PIECE = 250
"""Places that lie together, and are read at once."""

Pieces = Callable[[int], pa.RecordBatch]


class SortedColumns:
    """Sorts columns by their places, each of which is there at most once, in as many runs as they come in.

    `bytes_a_row` is the weight of a row: the mean of a run, and of several runs the most.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[int, Pieces]] = []
        self.bytes_a_row = 0.0
        self._closing = ExitStack()

    def __enter__(self) -> "SortedColumns":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def add(self, columns: pa.Table, *, last: bool = False) -> None:
        """Take more columns in; but for the last, which stay in memory, they are laid on disk."""
        if columns.num_rows:
            self.bytes_a_row = max(self.bytes_a_row, columns.nbytes / columns.num_rows)
            pieces = _sorted(columns)
            self._runs.append((len(pieces), pieces.__getitem__ if last else self._on_disk(pieces)))

    def piece(self, number: int) -> list[pa.RecordBatch]:
        """The columns of places from `number * PIECE`, `PIECE` of them, each batch in order."""
        return [pieces(number) for count, pieces in self._runs if number < count]

    def _on_disk(self, pieces: list[pa.RecordBatch]) -> Pieces:
        file = self._closing.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
        with pa.ipc.new_file(file, pieces[0].schema) as writer:
            for piece in pieces:
                writer.write_batch(piece)
        read: Pieces = pa.ipc.open_file(file).get_batch
        return read


def _sorted(columns: pa.Table) -> list[pa.RecordBatch]:
    (batch,) = columns.combine_chunks().to_batches()
    places = batch[PLACE].to_numpy()
    pieces = int(places.max()) // PIECE + 1
    held = np.full(pieces * PIECE, -1)
    held[places] = np.arange(len(places))
    there = held >= 0
    batch = batch.take(pa.array(held[there]))
    bounds = [0, *np.cumsum(there.reshape(pieces, PIECE).sum(axis=1)).tolist()]
    return [batch.slice(start, end - start) for start, end in pairwise(bounds)]
