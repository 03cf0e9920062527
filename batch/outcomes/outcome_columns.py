"""The columns of outcomes: fixed by the endpoint, never by the data."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from ..requests.endpoints import Endpoint
from ..schemas.answer_types import AnswerType
from .outcome import Outcome
from .token_counts import COUNTS


def outcome_schema(endpoint: Endpoint, answer: AnswerType | None = None) -> pa.Schema:
    """The columns of outcomes as they are kept: fixed by the endpoint and the answer's type, never by the data.

    They are the row's number, its custom_id, the fields of `Outcome` in their order (`fields`, a struct, where
    answers are typed), and the batch.
    """
    text, count = pa.string(), pa.int64()
    said = pa.list_(pa.float32()) if endpoint == Endpoint.EMBEDDINGS else text
    types = {"row": count, "again": pa.bool_(), "answer": said, **dict.fromkeys(COUNTS, count)}
    if answer is not None:
        types[FIELDS] = answer.columns
    told = [name for name in Outcome._fields if name != FIELDS or answer is not None]
    return pa.schema([pa.field(name, types.get(name, text)) for name in ("row", "custom_id", *told, "batch_id")])


FIELDS = "fields"
"""The column that holds the fields of typed answers, as a struct."""

ROW_GROUP_ROWS = 5_000
ROW_GROUP_BYTES = 32_000_000


def outcome_batches(
    items: Iterable[tuple[int, str, Outcome]], endpoint: Endpoint, batch_id: str, answer: AnswerType | None = None
) -> Iterator[pa.RecordBatch]:
    """Row number, custom_id and outcome of each item as record batches, bounded in rows and bytes."""
    schema = outcome_schema(endpoint, answer)
    told = len(Outcome._fields) - (answer is None)  # `fields` is the last
    gathered: list[tuple[Any, ...]] = []
    size = 0
    for row, custom_id, found in items:
        gathered.append((row, custom_id, *found[:told], batch_id))
        size += weight(found)
        if len(gathered) >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
            yield record_batch(gathered, schema)
            gathered, size = [], 0
    if gathered:
        yield record_batch(gathered, schema)


def weight(found: Outcome) -> int:
    """About how many bytes an outcome takes in memory."""
    answer = found.answer
    size = 0 if answer is None else len(answer) if isinstance(answer, str) else answer.nbytes
    return 200 + size + len(found.response or "")


def record_batch(gathered: list[tuple[Any, ...]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows, each with a value a column, as columns."""
    columns = zip(*gathered, strict=True)
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
