"""Parquet, read a few rows at a time; the schema is kept with its metadata, pandas' index among it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from ..row_groups import GROUP_BYTES, gathered, rows_at, slices
from ..source_files import SourceFile
from .view_types import batch_without_views, schema_without_views

ROWS_AT_ONCE = 256
"""A row group tells its size as it is encoded, repeated texts once: so few rows of such are read at a time."""


class ParquetTable:
    """A Parquet file; `schema` is the file's own, but for views."""

    def __init__(self, file: SourceFile, rows: int) -> None:
        """Read the footer; `rows` is the most a batch holds.

        Raises:
            SourceError: the file is not whole, is no Parquet file, or has a column name twice.
        """
        self._file = file
        self._rows = rows
        with self._reading() as parquet:
            self.schema = schema_without_views(parquet.schema_arrow)
        refuse_unclear_names(file, self.schema)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order.

        Raises:
            SourceError: the file is broken, or a text in it is not UTF-8.
        """
        first = 0
        with self._reading() as parquet:
            size = self._batch_rows(parquet.metadata)
            # threads take longer to begin than to read few rows
            few = parquet.iter_batches(size, use_threads=size > ROWS_AT_ONCE)
            for batch in gathered((batch_without_views(views, self.schema) for views in few), self._rows):
                refuse_broken_text(self._file, batch, first)
                first += batch.num_rows
                yield from slices(batch, self._rows)

    @contextmanager
    def _reading(self) -> Iterator[pq.ParquetFile]:
        try:
            # Without buffering ahead, a row group of any size is read page by page.
            with self._file.reading() as content, pq.ParquetFile(content, pre_buffer=False) as parquet:
                yield parquet
        except pa.ArrowException as error:
            raise self._file.error(f"is not a readable Parquet file: {error}") from error

    def _batch_rows(self, metadata: pq.FileMetaData) -> int:
        """As many rows as fit into a batch, if they are as large as their row groups say; few, if they are not."""
        groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
        widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=0)
        most = ROWS_AT_ONCE if any(map(_shares_texts, groups)) else self._rows
        return max(1, min(self._rows, most, int(GROUP_BYTES / max(widest, 1))))


def _shares_texts(group: pq.RowGroupMetaData) -> bool:
    """Whether texts may be written once for many rows."""
    columns = (group.column(place) for place in range(group.num_columns))
    return any(
        column.physical_type == "BYTE_ARRAY" and any("DICTIONARY" in encoding for encoding in column.encodings)
        for column in columns
    )


def refuse_unclear_names(file: SourceFile, schema: pa.Schema) -> None:
    """Refuse a file without columns, or with two of one name.

    Raises:
        SourceError: it is one.
    """
    if not schema.names:
        raise file.error("has no columns")
    for name, count in Counter(schema.names).items():
        if count > 1:
            raise file.error("the file has more than one column of this name", column=name)


def refuse_broken_text(file: SourceFile, batch: pa.RecordBatch, first: int) -> None:
    """Arrow takes any bytes for a text; what is no text can be neither asked nor written.

    Raises:
        SourceError: a text is not UTF-8; `first` is the number of the first row.
    """
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not _is_text(column):
            alone = pa.record_batch([column], [name])
            row = next(row for row in range(len(column)) if not _is_text(rows_at(alone, [row])[name]))
            problem = "holds a text that is not UTF-8; write the column as bytes, or as UTF-8"
            raise file.error(problem, row=first + row, column=name)


def _is_text(column: pa.Array) -> bool:
    """Whether all texts in a column are UTF-8, nested ones too."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if pa.types.is_dictionary(column.type):  # not all that it holds need be in a row
            return _is_text(column.dictionary_decode())
        return "Invalid UTF8" not in str(error)
    return True
