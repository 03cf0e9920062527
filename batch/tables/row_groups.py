"""How many rows are in memory at once: a batch of rows, which in Parquet is a row group."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from .json_values import row_values

GROUP_ROWS = 5_000
"""The most rows in a row group."""

DICTIONARY_BYTES = 65_536
"""A column of more different values than fit in here is kept as it is: it takes long to look each up."""

GROUP_BYTES = 32 * 1024 * 1024
"""About the most bytes in a row group of more than one row."""


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
    """A batch cut into equal slices, each of at most `rows` rows and about `size` bytes."""
    pieces = max(-(-batch.num_rows // rows), -(-_bytes(batch) // size), 1)
    length = max(-(-batch.num_rows // pieces), 1)
    for start in range(0, batch.num_rows, length):
        yield batch.slice(start, length)


def gathered(batches: Iterable[pa.RecordBatch], rows: int = GROUP_ROWS) -> Iterator[pa.RecordBatch]:
    """Batches of one schema, neighbours put together where they are small: `rows` rows and about 32 MB at most."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        together = [*held, batch]
        if held and (sum(map(len, together)) > rows or sum(map(_bytes, together)) > GROUP_BYTES):
            yield _one(held)
            held = []
        held.append(batch)
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
    """About its bytes: before pyarrow 24 a view, as `string_view`, tells those of all that it points into."""
    try:
        return int(batch.nbytes)
    except pa.ArrowTypeError:
        return int(batch.get_total_buffer_size())
