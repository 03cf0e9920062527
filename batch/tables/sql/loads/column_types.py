"""Which type a column of results has in a database."""

from typing import Any

import pyarrow as pa
from sqlalchemy import (
    JSON,
    REAL,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Dialect,
    Double,
    Enum,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

types = pa.types

UINT64_DIGITS = 20


def column_type(kind: pa.DataType, dialect: Dialect) -> TypeEngine[Any]:
    """The type that a database's column of such values gets where we make it, the narrowest that loses nothing.

    Lists of plain values are arrays in PostgreSQL. Other lists, and nested values, are JSON. SQLite has no exact
    decimals, no zones and no UUIDs: there they are text.
    """
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name != "arrow.uuid":
            return column_type(kind.storage_type, dialect)
        return Text() if dialect.name == "sqlite" else Uuid()
    if types.is_dictionary(kind):
        return column_type(kind.value_type, dialect)
    if is_array(kind, dialect):
        return postgresql.ARRAY(column_type(kind.value_type, dialect))
    if types.is_nested(kind):
        return postgresql.JSONB(none_as_null=True) if is_postgres(dialect) else JSON(none_as_null=True)
    return _scalar_type(kind, dialect)


def is_postgres(dialect: Dialect) -> bool:
    """Whether a database is PostgreSQL, by whichever driver."""
    return dialect.name == "postgresql"


def is_array(kind: pa.DataType, dialect: Dialect) -> bool:
    """Whether values of a type are arrays in a database: lists of plain values in PostgreSQL."""
    if not (is_postgres(dialect) and is_list(kind)) or isinstance(kind.value_type, pa.BaseExtensionType):
        return False
    inside = kind.value_type
    return not (types.is_nested(inside) or types.is_dictionary(inside) or is_bytes(inside) or is_other(inside))


def is_list(kind: pa.DataType) -> bool:
    """Whether values are lists, of whichever of Arrow's kinds."""
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """Whether values are bytes."""
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Whether values are text in Arrow too."""
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_other(kind: pa.DataType) -> bool:
    """Whether values are kept as their text, since databases have no such type: durations, months and days."""
    return bool(types.is_duration(kind) or types.is_interval(kind) or types.is_null(kind))


def reads_text(type_: TypeEngine[Any], dialect: Dialect) -> bool:
    """Whether a column of PostgreSQL's takes texts that it reads itself: UUIDs, JSON and choices, nothing lost."""
    return is_postgres(dialect) and isinstance(type_, (Uuid, JSON, Enum))


def _scalar_type(kind: pa.DataType, dialect: Dialect) -> TypeEngine[Any]:
    sqlite = dialect.name == "sqlite"
    if types.is_boolean(kind):
        return Boolean()
    if types.is_integer(kind):
        return _integer_type(kind, sqlite=sqlite)
    if types.is_floating(kind):
        return Double() if types.is_float64(kind) else REAL()
    if types.is_decimal(kind):
        return Text() if sqlite else Numeric(kind.precision, kind.scale)
    if types.is_timestamp(kind):
        return Text() if sqlite and kind.tz else _moment(dialect, zoned=kind.tz is not None)
    if types.is_date(kind):
        return Date()
    if types.is_time(kind):
        return mysql.TIME(fsp=6) if dialect.name in ("mysql", "mariadb") else Time()
    if is_bytes(kind):
        return LargeBinary()
    return mysql.LONGTEXT() if dialect.name in ("mysql", "mariadb") else Text()


def _integer_type(kind: pa.DataType, *, sqlite: bool) -> TypeEngine[Any]:
    if types.is_uint64(kind):
        return Text() if sqlite else Numeric(UINT64_DIGITS, 0)
    narrow = kind.bit_width < 32 or types.is_int32(kind)
    return Integer() if narrow else BigInteger()


def _moment(dialect: Dialect, *, zoned: bool) -> TypeEngine[Any]:
    if dialect.name in ("mysql", "mariadb"):
        return mysql.DATETIME(fsp=6)
    return DateTime(timezone=zoned)
