"""What a Parquet file says of its columns to pandas and others, kept true in a table that has more of them."""

import json
from contextlib import suppress
from typing import Any

import pyarrow as pa

PANDAS = b"pandas"

WHOLE_SCHEMAS = frozenset(
    [b"org.apache.spark.sql.parquet.row.metadata", b"parquet.avro.schema", b"avro.schema", b"iceberg.schema"]
)
"""Keys under which others list all columns of a file, and by which they then read no more than those."""

_TEXT = {"pandas_type": "unicode", "numpy_type": "object", "metadata": {"encoding": "UTF-8"}}
_TEXTS = ("unicode", "string", "empty")


def widened(schema: pa.Schema, added: list[pa.Field]) -> pa.Schema:
    """A schema with more columns, whose metadata pandas can read: the index stays, and every label is a text.

    What pandas could not read back, of its own types too, is left out, and comes as its usual type.
    """
    wide = pa.schema([*schema, *added])
    metadata = {key: value for key, value in (schema.metadata or {}).items() if key not in WHOLE_SCHEMAS}
    known = metadata.pop(PANDAS, None)
    if known is not None:
        with suppress(Exception):  # pandas and Arrow fail in as many ways as there are types
            told = _told(wide, json.loads(known))
            _read(wide, told)
            metadata[PANDAS] = _bytes(told)
    return wide.with_metadata(metadata) if metadata else wide


def _told(schema: pa.Schema, known: dict[str, Any]) -> dict[str, Any]:
    labels = known.get("column_indexes") or []
    if len(labels) != 1 or labels[0].get("pandas_type") not in _TEXTS:
        name = labels[0].get("name") if len(labels) == 1 else None
        labels = [{"name": name, "field_name": name, **_TEXT}]
    columns = [_exact(schema, column) for column in known.get("columns", [])]
    alone = {"index_columns": [], "column_indexes": labels}
    columns = [column for column in columns if _is_readable_alone(schema, column, alone)]
    return {**known, "column_indexes": labels, "columns": columns}


def _exact(schema: pa.Schema, column: dict[str, Any]) -> dict[str, Any]:
    """Integers among Python's objects stay integers where some are null."""
    place = schema.get_field_index(column.get("field_name") or "")
    whole = place >= 0 and pa.types.is_signed_integer(schema.field(place).type)
    return {**column, "numpy_type": "Int64"} if whole and column.get("numpy_type") == "object" else column


def _is_readable_alone(schema: pa.Schema, column: dict[str, Any], alone: dict[str, Any]) -> bool:
    place = schema.get_field_index(column.get("field_name") or "")
    try:
        _read(pa.schema([schema.field(place)] if place >= 0 else []), {**alone, "columns": [column]})
    except Exception:
        return False
    return True


def _read(schema: pa.Schema, told: dict[str, Any]) -> None:
    """Let pandas read a table of no rows that tells it this."""
    schema.with_metadata({PANDAS: _bytes(told)}).empty_table().to_pandas()


def _bytes(told: dict[str, Any]) -> bytes:
    return json.dumps(told).encode()
