"""Which type a column of results has in a database."""

from typing import Any

import pyarrow as pa
from sqlalchemy import (
    ARRAY,
    JSON,
    REAL,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Dialect,
    Double,
    Enum,
    Float,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.types import TypeEngine

from ..postgresql_columns import OWN_TYPE

types = pa.types

READ_AS_TEXT: dict[str, TypeEngine[Any]] = {
    "uuid": Uuid(),
    "json": postgresql.JSON(),
    "jsonb": postgresql.JSONB(),
    "numeric": Numeric(),
}
"""Types of PostgreSQL's whose values a source gives as texts, and which it reads of them again."""

UINT64_DIGITS = 20

EXACT_DIGITS = 15
"""The digits that a float keeps; SQLite's numbers with a fraction are floats."""


def column_type(kind: pa.DataType, dialect: Dialect) -> TypeEngine[Any]:
    """The type that a database's column of such values gets where we make it, the narrowest that loses nothing.

    Lists of plain values are arrays in PostgreSQL. Other lists, and nested values, are JSON. SQLite has no zones,
    no UUIDs and no decimals of more than 15 digits: there they are text.
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


def made_type(field: pa.Field, dialect: Dialect) -> TypeEngine[Any]:
    """The type that a column gets in a table that we make: the source's own, where both are PostgreSQL's."""
    said = (field.metadata or {}).get(OWN_TYPE, b"").decode()
    own = READ_AS_TEXT.get(said) if is_postgres(dialect) and is_text(field.type) else None
    return column_type(field.type, dialect) if own is None else own


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
    """Whether a column of PostgreSQL's takes texts that it reads itself: UUIDs, JSON, choices, any numbers.

    Nothing is lost, and a source gives them as texts.
    """
    if not is_postgres(dialect):
        return False
    if isinstance(type_, postgresql.DOMAIN):
        return reads_text(type_.data_type, dialect)
    any_digits = isinstance(type_, Numeric) and not isinstance(type_, Float) and type_.precision is None
    return any_digits or isinstance(type_, (Uuid, JSON, Enum))


def is_read_anew(staged: TypeEngine[Any], type_: TypeEngine[Any], dialect: Dialect) -> bool:
    """Whether PostgreSQL is to read staged texts, alone or in arrays, as what a table's column has."""
    if isinstance(staged, ARRAY) and isinstance(type_, ARRAY):
        return is_read_anew(staged.item_type, type_.item_type, dialect)
    return isinstance(staged, Text) and reads_text(type_, dialect)


def _scalar_type(kind: pa.DataType, dialect: Dialect) -> TypeEngine[Any]:
    sqlite = dialect.name == "sqlite"
    if types.is_boolean(kind):
        return Boolean()
    if types.is_integer(kind):
        return _integer_type(kind, sqlite=sqlite)
    if types.is_floating(kind):
        return Double() if types.is_float64(kind) else REAL()
    if types.is_decimal(kind):
        is_exact = not sqlite or 0 <= kind.scale <= kind.precision <= EXACT_DIGITS
        return Numeric(kind.precision, kind.scale) if is_exact else Text()
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
    bits = kind.bit_width + bool(types.is_unsigned_integer(kind))
    if (
        bits <= 16 and not sqlite
    ):  # whose integers are one kind, and are counted only where they are called INTEGER
        return SmallInteger()
    return Integer() if bits <= 32 else BigInteger()


def _moment(dialect: Dialect, *, zoned: bool) -> TypeEngine[Any]:
    if dialect.name in ("mysql", "mariadb"):
        return mysql.DATETIME(fsp=6)
    return DateTime(timezone=zoned)
