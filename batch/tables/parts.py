"""Parts: the rows as they were read, kept as Parquet in the job folder; the source is never read again.

Rows are numbered from 0 through the whole job; every part but the last holds as many rows as the first.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from ..storage.folders import Folder
from .row_groups import DICTIONARY_BYTES, rows_at, slices
from .sources import SourceReader

ROWS_PER_PART = 50_000
"""The rows of a part: as many as an input file may hold items."""

KEPT_AS: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "dictionary_pagesize_limit": DICTIONARY_BYTES,
    "write_statistics": False,
}

RowNumbers = npt.NDArray[np.int64]
"""Row numbers of a job, from 0, ascending."""


class Part(BaseModel):
    """A reference to one part: its number, the number of its first row, and how many rows it holds."""

    model_config = ConfigDict(frozen=True)

    number: int
    first_row: int
    rows: int


def part_name(number: int) -> str:
    """Where a part lies in the job folder."""
    return f"rows/{number:05d}.parquet"


def write_parts(
    reader: SourceReader,
    folder: Folder,
    rows_per_part: int = ROWS_PER_PART,
    goes_on: Callable[[], object] = lambda: None,
) -> Iterator[Part]:
    """Keep all rows of a source in parts under `rows/`; each is named when it is there, whole.

    Parts that are there already are written again, with the same bytes if the source is the same. Of a source
    without rows its schema is kept, as a file of no rows that is no part.

    Args:
        reader: The source.
        folder: The job folder.
        rows_per_part: How many rows a part holds at most.
        goes_on: Called before each part is there; what it raises leaves that away.

    Raises:
        SourceError: the source is broken.
    """
    (folder / "rows").make()
    part: Part | None = None
    numbered = _numbered(reader, rows_per_part)
    for number, groups in groupby(numbered, key=itemgetter(0)):
        rows = _write_part(folder, number, reader.schema, (group for _, group in groups), goes_on)
        part = Part(number=number, first_row=number * rows_per_part, rows=rows)
        yield part
    if part is None:
        _write_part(folder, 0, reader.schema, [], goes_on)


def keep_schema_alone(folder: Folder) -> None:
    """Remove the rows, and keep what columns they had."""
    _write_part(folder, 0, read_schema(folder), [])
    for name in (folder / "rows").names():
        if f"rows/{name}" != part_name(0):
            folder.remove(f"rows/{name}")


def read_schema(folder: Folder, number: int = 0) -> pa.Schema:
    """The schema of a part, the source's own: all parts have the same."""
    with _open_part(folder, number) as part:
        return part.schema_arrow


def read_rows(folder: Folder, part_number: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a part, a row group at a time; only the named columns, in that order, if any are named."""
    with _open_part(folder, part_number) as part:
        for group in range(part.num_row_groups):
            yield _read_group(part, group, columns)


def read_selected_rows(
    folder: Folder, row_numbers: RowNumbers, columns: Sequence[str] | None = None
) -> Iterator[tuple[RowNumbers, pa.RecordBatch]]:
    """The rows of these numbers, from any parts, in order; only row groups that hold one of them are read.

    Yields:
        The numbers of some rows, and those rows.

    Raises:
        IndexError: there is no such row.
    """
    rows_per_part = _rows_in(folder, 0)
    part_numbers = row_numbers // rows_per_part
    for number in np.unique(part_numbers).tolist():
        wanted = row_numbers[part_numbers == number]
        for rows, batch in _selected(folder, number, wanted - number * rows_per_part, columns):
            yield rows + number * rows_per_part, batch


def _selected(
    folder: Folder, number: int, wanted: RowNumbers, columns: Sequence[str] | None
) -> Iterator[tuple[RowNumbers, pa.RecordBatch]]:
    with _open_part(folder, number) as part:
        sizes = [part.metadata.row_group(group).num_rows for group in range(part.num_row_groups)]
        starts = list(accumulate(sizes, initial=0))
        if wanted[-1] >= starts[-1]:
            raise IndexError(f"part {number} has {starts[-1]} rows, and none at {wanted[-1]}")
        bounds = np.searchsorted(wanted, starts)
        for group, start in enumerate(starts[:-1]):
            rows = wanted[bounds[group] : bounds[group + 1]]
            if len(rows):
                yield rows, rows_at(_read_group(part, group, columns), (rows - start).tolist())


def _rows_in(folder: Folder, number: int) -> int:
    with _open_part(folder, number) as part:
        rows: int = part.metadata.num_rows
        return rows


def _numbered(batches: Iterable[pa.RecordBatch], rows_per_part: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Row groups, none across the bounds of a part, each with its part's number."""
    row = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            room = rows_per_part - row % rows_per_part
            for group in slices(batch.slice(start, room)):
                yield row // rows_per_part, group
                row += group.num_rows
                start += group.num_rows


def _write_part(
    folder: Folder,
    number: int,
    schema: pa.Schema,
    groups: Iterable[pa.RecordBatch],
    goes_on: Callable[[], object] = lambda: None,
) -> int:
    rows = 0
    with folder.create(part_name(number)) as file:
        with pq.ParquetWriter(file, schema, **KEPT_AS) as writer:
            for group in groups:
                writer.write_batch(group)
                rows += group.num_rows
        goes_on()
    return rows


@contextmanager
def _open_part(folder: Folder, number: int) -> Iterator[pq.ParquetFile]:
    with folder.open(part_name(number)) as file, pq.ParquetFile(file) as part:
        yield part


def _read_group(part: pq.ParquetFile, group: int, columns: Sequence[str] | None) -> pa.RecordBatch:
    if columns is None:
        table = part.read_row_group(group)
    else:
        # A name with a dot can read more than it names, so what was read is picked from again.
        table = part.read_row_group(group, columns=list(columns)).select(list(columns))
    (batch,) = table.combine_chunks().to_batches()
    return batch
