"""The outcomes of rows that another row was sent for: those of that row, whenever it went."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...files.batches import Batch
from ...files.input_files import InputFile
from ...files.kept_tables import kept_table
from ...files.unpaid import COPY
from ...outcomes.outcome_columns import ROW_GROUP_ROWS, outcome_schema
from ...outcomes.outcome_files import FetchedOutput, read_outcomes, write_batches
from ...schemas.answer_types import AnswerType

FIRSTS = "firsts.parquet"
"""For each copy the row that was sent for it."""


def spread(
    file: InputFile, outputs: Sequence[FetchedOutput], answer: AnswerType | None = None
) -> FetchedOutput | None:
    """Give the copies in a file what became of the rows that were sent for them; None where nothing has yet.

    Memory holds the outcomes of one output, and those of the copies.

    Args:
        file: Copies.
        outputs: What was fetched of the job, later rounds behind.
        answer: What each answer is, where answers are typed.
    """
    firsts = np.asarray(kept_table(file.files, FIRSTS)["row"].to_numpy())
    items = file.read_items()
    told = _latest(np.unique(firsts), outputs, outcome_schema(file.endpoint, answer))
    if told is None:
        return None
    of_rows = told["row"].to_numpy()
    place = np.minimum(np.searchsorted(of_rows, firsts), len(of_rows) - 1)
    there = of_rows[place] == firsts
    copies = told.take(pa.array(place[there])).combine_chunks()
    same = {"row": items["row"], "custom_id": items["custom_id"]}
    for name, column in same.items():
        copies = _with(copies, name, column.filter(pa.array(there)))
    copies = _with(copies, "batch_id", pa.array([COPY] * copies.num_rows, pa.string()))
    if not copies.num_rows:
        return None
    batch = Batch(id=COPY, status="completed", input_file=file)
    return write_batches(batch, file.endpoint, copies.to_batches(ROW_GROUP_ROWS), file.files, answer)


def _latest(rows: np.ndarray, outputs: Sequence[FetchedOutput], schema: pa.Schema) -> pa.Table | None:
    """The latest outcomes of these rows, which are in order, as far as there are any; in their order."""
    found: list[pa.Table] = []
    for output in outputs:
        if output.first_row > rows[-1] or output.last_row < rows[0]:
            continue
        told = read_outcomes(output)
        chosen = np.isin(told["row"].to_numpy(), rows)
        if chosen.any():
            found.append(told.filter(pa.array(chosen)))
    if not found:
        return None
    told = pa.concat_tables([schema.empty_table(), *found], promote_options="default").combine_chunks()
    latest = np.full(len(rows), -1, dtype=np.int64)
    latest[np.searchsorted(rows, told["row"].to_numpy())] = np.arange(told.num_rows)
    return told.take(pa.array(latest[latest >= 0]))


def _with(table: pa.Table, name: str, column: pa.ChunkedArray | pa.Array) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(name), pc.cast(column, table.schema.field(name).type))
