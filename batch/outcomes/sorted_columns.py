"""Columns that come in any order, taken back in the order of their places, in bounded memory."""

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

SORTED_BYTES = 32_000_000
"""About the most bytes that are put in order in memory; where there are more, they are laid on disk, so sorted."""

Pieces = Callable[[int], pa.RecordBatch]


class SortedColumns:
    """Sorts columns by their places, each of which is there at most once, in runs of bounded size."""

    def __init__(self) -> None:
        self._runs: list[tuple[int, Pieces]] = []
        self._gathered: list[pa.Table] = []
        self._bytes = 0
        self._closing = ExitStack()

    def __enter__(self) -> "SortedColumns":
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def add(self, columns: pa.Table) -> None:
        """Take more columns in."""
        if columns.num_rows:
            self._gathered.append(columns)
            self._bytes += columns.nbytes
        if self._bytes >= SORTED_BYTES:
            pieces = self._sorted()
            self._runs.append((len(pieces), self._on_disk(pieces)))
            self._bytes = 0

    def end(self) -> None:
        """Nothing more comes: what is in memory stays there."""
        if self._gathered:
            pieces = self._sorted()
            self._runs.append((len(pieces), pieces.__getitem__))

    def piece(self, number: int) -> list[pa.RecordBatch]:
        """The columns of places from `number * PIECE`, `PIECE` of them, each batch in order."""
        return [pieces(number) for count, pieces in self._runs if number < count]

    def _sorted(self) -> list[pa.RecordBatch]:
        (batch,) = pa.concat_tables(self._gathered).combine_chunks().to_batches()
        self._gathered.clear()  # before they are copied once more
        places = batch[PLACE].to_numpy()
        order = np.argsort(places)
        batch = batch.take(pa.array(order))
        bounds = np.searchsorted(places[order], range(0, int(places.max()) + PIECE + 1, PIECE)).tolist()
        return [batch.slice(start, end - start) for start, end in pairwise(bounds)]

    def _on_disk(self, pieces: list[pa.RecordBatch]) -> Pieces:
        file = self._closing.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
        with pa.ipc.new_file(file, pieces[0].schema) as writer:
            for piece in pieces:
                writer.write_batch(piece)
        read: Pieces = pa.ipc.open_file(file).get_batch
        return read
