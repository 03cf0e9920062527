"""One outcome of each row: the latest, where a row went again; the last word on rows that nothing tells of."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..outcome import Outcome
from ..outcome_columns import FIELDS


def latest_outcomes(
    schema: pa.Schema, tables: Sequence[pa.Table], first: int, end: int, untold: Outcome
) -> pa.RecordBatch:
    """One outcome for each row from `first` up to but not including `end`, in order.

    Args:
        schema: The columns; `row`, `again`, `outcome`, `error_code` and `error_message` are among them.
        tables: Outcomes of these rows, those of later rounds behind.
        first: The number of the first row.
        end: The number after the last row's.
        untold: What became of rows that none of them tells of.
    """
    if len(tables) == 1 and tables[0].num_rows == end - first and tables[0].schema.equals(schema):
        (batch,) = tables[0].combine_chunks().to_batches()  # as nearly always, and in order
        return batch
    alike = (_with_fields_as(schema, table) for table in tables)
    told = pa.concat_tables([schema.empty_table(), *alike], promote_options="default")
    place = np.full(end - first, -1, dtype=np.int64)
    place[told["row"].to_numpy() - first] = np.arange(told.num_rows)
    chosen = told.take(pa.array(place, mask=place < 0)).combine_chunks()
    return _named(chosen, first, untold)


def _with_fields_as(schema: pa.Schema, table: pa.Table) -> pa.Table:
    """A table with its typed answers as in a schema: an earlier version may have kept numbers as their JSON."""
    place = table.schema.get_field_index(FIELDS)
    if place < 0 or table.schema.field(FIELDS).type == schema.field(FIELDS).type:
        return table
    return table.set_column(place, schema.field(FIELDS), table[FIELDS].cast(schema.field(FIELDS).type))


def _named(table: pa.Table, first: int, outcome: Outcome) -> pa.RecordBatch:
    """The rows with what became of those that nothing tells of."""
    values = {
        "row": pa.array(np.arange(first, first + table.num_rows)),
        "again": pa.scalar(True),
        "outcome": pa.scalar(outcome.outcome.value),
        "error_code": pa.scalar(outcome.error_code),
        "error_message": pa.scalar(outcome.error_message),
    }
    nobody = pc.is_null(table["row"])
    for name, value in values.items():
        column = pc.if_else(nobody, value, table[name])
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    batches: list[pa.RecordBatch] = table.combine_chunks().to_batches()
    return batches[0]
