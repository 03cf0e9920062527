"""Outcomes as they lie in an input file's folder: Arrow's file format, which takes a third of Parquet's time.

Earlier versions kept them as Parquet; those are read as well.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from ...storage.folders import Folder
from ..outcome_columns import ROW_GROUP_ROWS
from .vectors import ANSWER, VECTOR, packed_schema, unpacked

OUTCOMES = "outcomes.arrow"
AS_PARQUET = "outcomes.parquet"

Batches = Callable[[range | None], Iterator[pa.RecordBatch]]


def name_of_try() -> str:
    """A name for outcomes beside which another process may write its own; the record names those that count."""
    return f"outcomes-{uuid4().hex[:8]}.arrow"


@contextmanager
def outcome_writer(folder: Folder, schema: pa.Schema, name: str = OUTCOMES) -> Iterator[pa.RecordBatchFileWriter]:
    """Keep packed outcomes of this schema in a folder: all that are written while the block runs, or none."""
    compression = None if schema.field(ANSWER).type == VECTOR else "lz4"  # numbers hardly become smaller
    options = pa.ipc.IpcWriteOptions(compression=compression, use_threads=False)
    with folder.create(name) as file, pa.ipc.new_file(file, packed_schema(schema), options=options) as writer:
        yield writer


@dataclass(frozen=True)
class KeptOutcomes:
    """Outcomes in an open file.

    Attributes:
        schema: Their columns, or those that were asked for, in the order in which they are kept.
        batches: Gives the record batches of some numbers, from 0, or all for None; of those in Parquet always all.
    """

    schema: pa.Schema
    batches: Batches

    def table(self, numbers: range | None = None) -> pa.Table:
        """The outcomes in the record batches of some numbers, or all."""
        return pa.Table.from_batches(self.batches(numbers), schema=self.schema)


@contextmanager
def kept_outcomes(
    folder: Folder, columns: Sequence[str] | None = None, *, name: str = OUTCOMES
) -> Iterator[KeptOutcomes]:
    """A folder's outcomes, open while the block runs.

    Args:
        folder: Where they lie.
        columns: Only these columns; None: all.
        name: What they are called there.
    """
    with folder.open(name) as file:
        schema, batches = (_of_parquet if name == AS_PARQUET else _of_arrow)(file, columns)
        yield KeptOutcomes(
            _unpacked(schema.empty_table()).schema, lambda numbers: map(_unpacked, batches(numbers))
        )


def _of_arrow(file: IO[bytes], columns: Sequence[str] | None) -> tuple[pa.Schema, Batches]:
    names = pa.ipc.open_file(file).schema.names
    places = None if columns is None else [place for place, name in enumerate(names) if name in columns]
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=places)
    reader = pa.ipc.open_file(file, options=options)

    def batches(numbers: range | None) -> Iterator[pa.RecordBatch]:
        return map(reader.get_batch, range(reader.num_record_batches) if numbers is None else numbers)

    return reader.schema, batches


def _of_parquet(file: IO[bytes], columns: Sequence[str] | None) -> tuple[pa.Schema, Batches]:
    parquet = pq.ParquetFile(file, pre_buffer=False)
    kept = parquet.schema_arrow
    schema = kept if columns is None else pa.schema([field for field in kept if field.name in columns])

    def batches(_: range | None) -> Iterator[pa.RecordBatch]:
        return iter(parquet.iter_batches(ROW_GROUP_ROWS, columns=schema.names, use_threads=False))

    return schema, batches


def _unpacked(outcomes: pa.RecordBatch | pa.Table) -> pa.RecordBatch | pa.Table:
    return unpacked(outcomes) if ANSWER in outcomes.schema.names else outcomes
