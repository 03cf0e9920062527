"""A digest of a row: the same whenever, and by whatever program, the same values are read."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from ...watermarks.remembered import DIGEST, DIGEST_BYTES, Digests
from ..json_values import json_values
from ..row_groups import rows_at
from ..value_texts import json_bytes
from .column_values import NANOSECONDS


def digests_of(batch: pa.RecordBatch, places: Sequence[int], columns: Sequence[str]) -> Digests:
    """The digests of the rows at these places, of these columns, in whichever order the table has them."""
    if not len(places):
        return np.zeros(0, DIGEST)
    rows = rows_at(batch.select(list(columns)), places)
    values = [_plain_values(rows[name]) for name in sorted(columns)]
    made = [blake2b(json_bytes(row), digest_size=DIGEST_BYTES).digest() for row in zip(*values, strict=True)]
    return np.array(made, DIGEST)


def _plain_values(column: pa.Array) -> list[Any]:
    """The values as JSON has them; dates and times as integers, the same in whatever zone and unit."""
    type_ = column.type
    if pa.types.is_timestamp(type_):
        scale = NANOSECONDS[type_.unit]
        return [None if value is None else str(value * scale) for value in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_date(type_):
        days: list[int | None] = column.cast(pa.date32()).cast(pa.int32()).to_pylist()
        return days
    return json_values(column)
