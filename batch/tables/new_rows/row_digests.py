"""A digest of a row: the same whenever, and by whatever program, the same values are read."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from ...watermarks.remembered import DIGEST, DIGEST_BYTES, Digests
from ..json_values import json_values
from ..row_groups import rows_at
from ..value_texts import json_bytes


def digests_of(batch: pa.RecordBatch, places: Sequence[int], columns: Sequence[str]) -> Digests:
    """The digests of the rows at these places, of these columns, in whichever order the table has them."""
    if not len(places):
        return np.zeros(0, DIGEST)
    rows = rows_at(batch.select(list(columns)), places)
    values = [json_values(_in_utc(rows[name])) for name in sorted(columns)]
    made = [blake2b(json_bytes(row), digest_size=DIGEST_BYTES).digest() for row in zip(*values, strict=True)]
    return np.array(made, DIGEST)


def _in_utc(column: pa.Array) -> pa.Array:
    """An instant is the same in whichever zone, or session of a database, it is shown."""
    type_ = column.type
    if pa.types.is_timestamp(type_) and type_.tz:
        return column.cast(pa.timestamp(type_.unit, "UTC"))
    return column
