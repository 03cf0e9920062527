"""Outcomes as they lie in an input file's folder: Arrow's file format, which takes a third of Parquet's time.

Earlier versions kept them as Parquet; those are read as well.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from ..storage import Folder
from .outcome_columns import ROW_GROUP_ROWS
from .vectors import ANSWER, VECTOR, packed_schema, unpacked

OUTCOMES = "outcomes.arrow"
AS_PARQUET = "outcomes.parquet"


@contextmanager
def outcome_writer(folder: Folder, schema: pa.Schema) -> Iterator[pa.RecordBatchFileWriter]:
    """Keep packed outcomes of this schema in a folder: all that are written while the block runs, or none."""
    compression = None if schema.field(ANSWER).type == VECTOR else "lz4"  # numbers hardly become smaller
    options = pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
    with folder.create(OUTCOMES) as file, pa.ipc.new_file(file, packed_schema(schema), options=options) as writer:
        yield writer


@contextmanager
def outcome_reader(
    folder: Folder, columns: Sequence[str] | None = None, numbers: range | None = None, *, as_parquet: bool = False
) -> Iterator[pa.RecordBatchReader]:
    """Read a folder's outcomes while the block runs, a record batch at a time.

    Args:
        folder: Where they lie.
        columns: Only these columns, in the order in which they are kept; None: all.
        numbers: Only the record batches of these numbers, from 0; None: all. Those in Parquet are always all.
        as_parquet: Whether an earlier version kept them.
    """
    with folder.open(AS_PARQUET if as_parquet else OUTCOMES) as file:
        schema, batches = _of_parquet(file, columns) if as_parquet else _of_arrow(file, columns, numbers)
        yield pa.RecordBatchReader.from_batches(_unpacked(schema.empty_table()).schema, map(_unpacked, batches))


def _of_arrow(
    file: IO[bytes], columns: Sequence[str] | None, numbers: range | None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    names = pa.ipc.open_file(file).schema.names
    places = None if columns is None else [place for place, name in enumerate(names) if name in columns]
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=places)
    reader = pa.ipc.open_file(file, options=options)
    wanted = range(reader.num_record_batches) if numbers is None else numbers
    return reader.schema, map(reader.get_batch, wanted)


def _of_parquet(file: IO[bytes], columns: Sequence[str] | None) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    parquet = pq.ParquetFile(file, pre_buffer=False)
    kept = parquet.schema_arrow
    schema = kept if columns is None else pa.schema([field for field in kept if field.name in columns])
    return schema, parquet.iter_batches(ROW_GROUP_ROWS, columns=schema.names, use_threads=False)


def _unpacked(outcomes: pa.RecordBatch | pa.Table) -> pa.RecordBatch | pa.Table:
    return unpacked(outcomes) if ANSWER in outcomes.schema.names else outcomes
