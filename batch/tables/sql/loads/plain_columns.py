"""Columns of results as databases hold them, and as their drivers take them."""

import re
from datetime import UTC, date
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import JSON, Dialect, Text
from sqlalchemy.types import TypeEngine

from ...json_values import json_values
from ...temporal_values import A_DAY
from ...value_texts import json_bytes, text
from .column_types import is_other, is_postgres, is_text

types = pa.types

NOT_A_CHARACTER = "\N{REPLACEMENT CHARACTER}"
"""What stands for the character 0, which PostgreSQL holds in no text."""

FIRST_DAY, LAST_DAY = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
"""In days from 1970."""

ZERO_IN_JSON = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


def plain_column(column: pa.Array) -> pa.Array:
    """A column without what databases do not know: categories, types of others, nanoseconds, zones' names."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return column if kind.extension_name == "arrow.uuid" else plain_column(column.storage)
    if types.is_dictionary(kind):
        return plain_column(column.dictionary_decode())
    if types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", "UTC" if kind.tz else None), safe=False)
    if types.is_time(kind):
        return column.cast(pa.time64("us"), safe=False)
    if types.is_date64(kind):
        return column.cast(pa.date32())
    return column.cast(pa.float32()) if types.is_float16(kind) else column


def holds_nanoseconds(column: pa.Array) -> bool:
    """Whether a column's times go on behind the microseconds, where no database follows."""
    kind = column.type
    if not (types.is_timestamp(kind) or types.is_time64(kind)) or kind.unit != "ns":
        return False
    return not plain_column(column).cast(kind).equals(column)


def first_far_off(column: pa.Array) -> int | None:
    """The place of the first day or moment outside the years 1 to 9999, which Python has not; None without one."""
    kind = column.type
    if not (types.is_timestamp(kind) or types.is_date(kind)) or getattr(kind, "unit", "") == "ns":
        return None  # nanoseconds reach from 1677 to 2262
    days = column.cast(pa.int64() if kind.bit_width == 64 else pa.int32()).cast(pa.int64())
    a_day = A_DAY[kind.unit] if types.is_timestamp(kind) else 86_400_000 if types.is_date64(kind) else 1
    far = pc.or_(pc.less(days, FIRST_DAY * a_day), pc.greater_equal(days, (LAST_DAY + 1) * a_day))
    place = pc.index(pc.fill_null(far, False), True).as_py()
    return None if place < 0 else int(place)


def json_text(value: Any, *, postgres: bool) -> str:
    """A value as JSON, for PostgreSQL without the character 0."""
    written = json_bytes(value).decode()
    return ZERO_IN_JSON.sub(rf"\1{NOT_A_CHARACTER}", written) if postgres and "\\u0000" in written else written


def driver_values(column: pa.Array, type_: TypeEngine[Any], dialect: Dialect) -> list[Any]:
    """The values as a driver takes them for a column of this type, None for null."""
    column = plain_column(column)
    if isinstance(type_, JSON):
        postgres = is_postgres(dialect)
        return [
            None if value is None else orjson.loads(json_text(value, postgres=postgres))
            for value in json_values(column)
        ]
    if isinstance(type_, Text) or is_other(column.type):
        return list(map(_without_zero, _texts(column))) if is_postgres(dialect) else _texts(column)
    values: list[Any] = json_values(column) if types.is_float32(column.type) else column.to_pylist()
    return values


def _texts(column: pa.Array) -> list[Any]:
    """Values that a database keeps as text; moments in UTC."""
    if types.is_timestamp(column.type) and column.type.tz:
        return [None if one is None else one.astimezone(UTC).isoformat(" ") for one in column.to_pylist()]
    if is_text(column.type) or is_other(column.type):
        return json_values(column)
    return [None if value is None else text(value) for value in column.to_pylist()]


def _without_zero(value: str | None) -> str | None:
    return value and value.replace("\0", NOT_A_CHARACTER)
