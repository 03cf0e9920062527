"""The outcomes of a batch's items in their order: what columns tell, and between them what single lines do."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .kept.vectors import packed, packed_schema
from .outcome import Outcome, OutcomeKind
from .outcome_columns import ROW_GROUP_BYTES, ROW_GROUP_ROWS, record_batch, weight
from .reconciliation import Reconciliation
from .sorted_columns import PIECE, PLACE


def reconciled_batches(
    told: Reconciliation, schema: pa.Schema, batch_id: str, outcome_of: Callable[[Sequence[int]], Outcome]
) -> Iterator[pa.RecordBatch]:
    """One outcome an item, as packed record batches, bounded in rows and bytes.

    Args:
        told: Which lines tell of which items.
        schema: The columns of outcomes.
        batch_id: The batch.
        outcome_of: What the lines of some positions say of an item.
    """
    sent = _Sent(told.rows, told.custom_ids, schema, batch_id)
    noted = deque(told.noted.items())
    answered: list[pa.RecordBatch] = []
    others: dict[int, Outcome] = {}
    size, first, count = 0.0, 0, len(told.rows)
    for end in range(PIECE, count + PIECE, PIECE):
        pieces = told.columns.piece(end // PIECE - 1)
        answered += pieces
        size += sum(piece.num_rows for piece in pieces) * told.columns.bytes_a_row
        while noted and noted[0][0] < end:
            place, positions = noted.popleft()
            others[place] = outcome_of(positions)
            size += weight(others[place])
            if size >= ROW_GROUP_BYTES:  # one item may hold thousands of vectors
                before, answered = _parted(answered, place + 1)
                yield sent.together(before, others)
                others, first = {}, place + 1
                size = sum(piece.num_rows for piece in answered) * told.columns.bytes_a_row
        is_full = end - first >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES or end >= count
        if is_full and (answered or others):
            yield sent.together(answered, others)
            answered, others, size, first = [], {}, 0.0, end


def _parted(answered: Sequence[pa.RecordBatch], place: int) -> tuple[list[pa.RecordBatch], list[pa.RecordBatch]]:
    """What columns tell of the places before one, and from it on; each batch is in order."""
    bounds = [int(np.searchsorted(piece[PLACE].to_numpy(), place)) for piece in answered]
    cut = list(zip(answered, bounds, strict=True))
    before = [piece.slice(0, bound) for piece, bound in cut if bound]
    return before, [piece.slice(bound) for piece, bound in cut if bound < piece.num_rows]


class _Sent(NamedTuple):
    """The items by their places, and what their outcomes are written as."""

    rows: pa.Array
    custom_ids: pa.Array
    schema: pa.Schema
    batch_id: str

    def together(self, answered: Sequence[pa.RecordBatch], others: dict[int, Outcome]) -> pa.RecordBatch:
        """All in the order of the items; where something is said both ways, one by one counts."""
        places, batches = np.array([*others], dtype=np.int64), [self._of_outcomes(others)] if others else []
        if answered:
            usual = pa.concat_batches(answered)
            if others:
                usual = usual.filter(pa.array(~np.isin(usual[PLACE].to_numpy(), places)))
            places = np.concatenate([usual[PLACE].to_numpy(), places])
            batches = [self._of_answers(usual), *batches]
        batch = batches[0] if len(batches) == 1 else pa.concat_batches(batches)
        return batch if np.all(places[:-1] < places[1:]) else batch.take(pa.array(np.argsort(places)))

    def _of_answers(self, answered: pa.RecordBatch) -> pa.RecordBatch:
        rows, places = answered.num_rows, answered[PLACE]
        same = {"outcome": OutcomeKind.SUCCEEDED.value, "again": False, "batch_id": self.batch_id}
        told = {
            "row": self.rows.take(places),
            **{name: pa.repeat(value, rows) for name, value in same.items()},
            **dict(zip(answered.schema.names, answered.columns, strict=True)),
        }
        schema = packed_schema(self.schema)
        columns = [told[field.name] if field.name in told else pa.nulls(rows, field.type) for field in schema]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _of_outcomes(self, others: dict[int, Outcome]) -> pa.RecordBatch:
        told = len(self.schema) - 3  # but for the row, its custom_id and the batch
        rows = [self.rows[place].as_py() for place in others]
        custom_ids = [self.custom_ids[place].as_py() for place in others]
        sent = zip(rows, custom_ids, others.values(), strict=True)
        gathered = [(row, name, *found[:told], self.batch_id) for row, name, found in sent]
        return packed(record_batch(gathered, self.schema))
