"""How many rows are in memory at once: a batch of rows, which in Parquet is a row group."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .json_values import row_values

GROUP_ROWS = 5_000
"""The most rows in a row group."""

DICTIONARY_BYTES = 65_536
"""A column of more different values than fit in here is kept as it is: it takes long to look each up."""

GROUP_BYTES = 32 * 1024 * 1024
"""About the most bytes in a row group of more than one row."""

_SHARING = frozenset(
    kind.id for kind in (pa.string_view(), pa.binary_view(), pa.dictionary(pa.int8(), pa.string()))
)
"""Types whose rows may share one text: Arrow counts it once, or all texts for each slice."""


@dataclass(frozen=True)
class RowGroup:
    """The rows of a group: their numbers, and by column their values as templates and functions get them."""

    numbers: list[int]
    values: dict[str, list[Any]]

    @classmethod
    def of(cls, numbers: Sequence[int], batch: pa.RecordBatch) -> "RowGroup":
        """The rows of a batch, under their numbers."""
        values = {name: row_values(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
        return cls(list(numbers), values)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """Each row by itself."""
        if not self.values:
            return [{} for _ in self.numbers]
        return [dict(zip(self.values, row, strict=True)) for row in zip(*self.values.values(), strict=True)]


def slices(batch: pa.RecordBatch, rows: int = GROUP_ROWS, size: int = GROUP_BYTES) -> Iterator[pa.RecordBatch]:
    """A batch cut into slices of at most `rows` rows and `size` bytes, or one row: equal ones of equal rows."""
    pieces = max(-(-batch.num_rows // rows), -(-_bytes(batch) // size), 1)
    length = max(-(-batch.num_rows // pieces), 1)
    for start in range(0, batch.num_rows, length):
        yield from _halved(batch.slice(start, length), size)


def _halved(batch: pa.RecordBatch, size: int) -> Iterator[pa.RecordBatch]:
    """A batch, or the halves of the halves of one whose rows are larger than others."""
    whole, middle = _bytes(batch), batch.num_rows // 2
    if not middle or whole <= size:
        yield batch
        return
    halves = batch.slice(0, middle), batch.slice(middle)
    if sum(map(_bytes, halves)) > 1.5 * whole:  # both hold what their rows share, as a dictionary within lists
        yield batch
        return
    for half in halves:
        yield from _halved(half, size)


def gathered(batches: Iterable[pa.RecordBatch], rows: int = GROUP_ROWS) -> Iterator[pa.RecordBatch]:
    """Batches of one schema, neighbours put together where they are small: `rows` rows and about 32 MB at most."""
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = 0
    for batch in batches:
        size = _bytes(batch)
        if held and (held_rows + batch.num_rows > rows or held_bytes + size > GROUP_BYTES):
            yield _one(held)
            held, held_rows, held_bytes = [], 0, 0
        held.append(batch)
        held_rows, held_bytes = held_rows + batch.num_rows, held_bytes + size
    if held:
        yield _one(held)


def _one(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def rows_at(batch: pa.RecordBatch, places: Sequence[int]) -> pa.RecordBatch:
    """The rows at these places of a batch, in this order, of types too that Arrow cannot take from: its views."""
    try:
        return batch.take(pa.array(places, pa.int64()))
    except pa.ArrowNotImplementedError:
        return pa.concat_batches([batch.slice(place, 1) for place in places])


def _bytes(batch: pa.RecordBatch) -> int:
    """About the bytes of its rows, each by itself; of lists of views those of all that they point into."""
    try:
        if not any(kind.id in _SHARING for kind in batch.schema.types):
            return int(batch.nbytes)
        return sum(map(_bytes_of, batch.columns))
    except pa.ArrowTypeError:  # before pyarrow 24, of those
        return int(batch.get_total_buffer_size())


def _bytes_of(column: pa.Array) -> int:
    if isinstance(column, pa.DictionaryArray):
        try:
            lengths = pc.binary_length(column.dictionary).take(column.indices)
        except pa.ArrowNotImplementedError:  # its values are no texts, but as small as its indices
            return int(column.nbytes)
        return int(column.indices.nbytes) + (pc.sum(lengths).as_py() or 0)
    return int((column.cast(pa.large_binary()) if column.type.id in _SHARING else column).nbytes)
