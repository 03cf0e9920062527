"""Arrow IPC, as a file (Feather is one) or as a stream, read a record batch at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pyarrow as pa
import pyarrow.parquet as pq

from ..row_groups import slices
from ..source_files import SourceFile
from .parquet_source import refuse_broken_text, refuse_unclear_names
from .view_types import batch_without_views, schema_without_views

MAGIC = b"ARROW1"
"""How the file format begins; a stream has no such sign."""

FEATHER_1 = b"FEA1"
"""How the old Feather format begins, which is no Arrow IPC."""


class ArrowTable:
    """An Arrow IPC file or stream; `schema` is the file's own, but for views."""

    def __init__(self, file: SourceFile, rows: int) -> None:
        """Read the schema; `rows` is the most a batch holds.

        Raises:
            SourceError: it is no Arrow IPC, has a column name twice, or a column of a type that Parquet, in which
                rows are kept, does not have.
        """
        self._file = file
        self._rows = rows
        with self._reading() as reader:
            self.schema = schema_without_views(reader.schema)
        refuse_unclear_names(file, self.schema)
        for field in self.schema:
            self._refuse_unkept(field)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order; a record batch of the file is read whole.

        Raises:
            SourceError: the file is broken, or a text in it is not UTF-8.
        """
        first = 0
        with self._reading() as reader:
            for views in _record_batches(reader):
                batch = batch_without_views(views, self.schema)
                refuse_broken_text(self._file, batch, first)
                first += batch.num_rows
                yield from slices(batch, self._rows)

    def _refuse_unkept(self, field: pa.Field) -> None:
        try:
            pq.write_table(pa.table({field.name: pa.nulls(1, field.type)}), BytesIO())
        except (pa.ArrowException, OSError):
            problem = (
                f"is of the type {field.type}, which cannot be kept: Parquet has none such; write it as another"
            )
            raise self._file.error(problem, column=field.name) from None

    @contextmanager
    def _reading(self) -> Iterator[pa.RecordBatchFileReader | pa.RecordBatchStreamReader]:
        try:
            with self._file.reading() as content:
                sign = content.read(len(MAGIC))
                if sign.startswith(FEATHER_1):
                    raise self._file.error(
                        "is Feather of version 1, which is not read; write it anew, as pandas does: "
                        f"pandas.read_feather({self._file.url!r}).to_parquet(…)"
                    )
                is_file = sign == MAGIC
                content.seek(0)
                with pa.ipc.open_file(content) if is_file else pa.ipc.open_stream(content) as reader:
                    yield reader
        except pa.ArrowException as error:
            raise self._file.error(f"is not readable as Arrow IPC: {error}") from error


def _record_batches(reader: pa.RecordBatchFileReader | pa.RecordBatchStreamReader) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.RecordBatchFileReader):
        return (reader.get_batch(number) for number in range(reader.num_record_batches))
    return iter(reader)
