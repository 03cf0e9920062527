"""Rows as the lines that PostgreSQL's COPY reads: tabs between fields, made by Arrow a column at a time."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...json_values import json_values
from .column_types import is_bytes, is_other
from .plain_columns import NOT_A_CHARACTER, json_text, plain_column

ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\0", NOT_A_CHARACTER))
"""What COPY would take for something else, the backslash first."""

NULL = "\\N"

TEXT = pa.large_string()


def copy_lines(batch: pa.RecordBatch, arrays: frozenset[int]) -> bytes:
    """The lines of some rows, each with its end.

    Args:
        batch: The rows; of at least one column.
        arrays: The places of the columns that are PostgreSQL's arrays; other lists are JSON.
    """
    *fields, last = (_field(column, array=place in arrays) for place, column in enumerate(batch.columns))
    lines = pc.binary_join_element_wise(*fields, _joined(last, "\n"), _text("\t"))
    ends = np.frombuffer(lines.buffers()[1], np.int64, batch.num_rows + 1)
    return bytes(memoryview(lines.buffers()[2])[: ends[-1]])


def _field(column: pa.Array, *, array: bool) -> pa.Array:
    column = plain_column(column)
    texts = _array_texts(column) if array else _texts(column)
    for found, written in () if _is_safe(column.type) else ESCAPES:
        texts = pc.replace_substring(texts, found, written)
    return texts.fill_null(NULL)


def _is_safe(kind: pa.DataType) -> bool:
    """Whether the texts of values hold nothing that is escaped."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def _texts(column: pa.Array) -> pa.Array:
    """The values as PostgreSQL reads them."""
    kind = column.type
    if is_bytes(kind):
        return pa.array((value if value is None else f"\\x{value.hex()}" for value in column.to_pylist()), TEXT)
    if pa.types.is_nested(kind):
        values = json_values(column)
        return pa.array((value if value is None else json_text(value, postgres=True) for value in values), TEXT)
    if isinstance(kind, pa.BaseExtensionType) or is_other(kind):
        return pa.array(json_values(column), TEXT)
    return column.cast(TEXT)


def _array_texts(column: pa.Array) -> pa.Array:
    """Lists as PostgreSQL writes arrays: `{1,NULL,2}`, texts in quotes."""
    kept = column.drop_null()
    inside, lengths = kept.flatten(), pc.list_value_length(kept).cast(pa.int64())
    texts = _texts(plain_column(inside))
    if not _is_safe(inside.type):
        for found, written in (("\\", "\\\\"), ('"', '\\"')):
            texts = pc.replace_substring(texts, found, written)
        texts = _joined('"', texts, '"')
    bounds = np.concatenate([[0], np.cumsum(np.asarray(lengths))])
    lists = pa.LargeListArray.from_arrays(pa.array(bounds, pa.int64()), texts.fill_null("NULL"))
    return _spread(_joined("{", pc.binary_join(lists, _text(",")), "}"), column)


def _joined(*parts: pa.Array | str) -> pa.Array:
    """Texts put together one by one; null where a part is."""
    return pc.binary_join_element_wise(
        *(_text(part) if isinstance(part, str) else part for part in parts), _text("")
    )


def _text(value: str) -> pa.Scalar:
    return pa.scalar(value, TEXT)


def _spread(values: pa.Array, column: pa.Array) -> pa.Array:
    """The values at the places where a column has any."""
    if not column.null_count:
        return values
    there = np.asarray(column.is_valid())
    places = np.cumsum(there) - 1
    return values.take(pa.array(places, mask=~there))
