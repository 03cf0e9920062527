"""Whether a table takes what results have: their columns, and the types of these, with nothing lost."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pyarrow as pa
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
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
    String,
    Table,
    Time,
    Uuid,
    inspect,
)
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import NullType, TypeEngine

from ....errors import DestinationError
from ..sql_destination import SqlDestination
from .column_types import EXACT_DIGITS, column_type, is_array, is_bytes, is_other, is_postgres, is_text, reads_text
from .source_rows import SourceRows
from .target_tables import unique_keys

types = pa.types

SHORT = ("custom_id", "outcome", "finish_reason", "error_code", "model", "batch_id", "request_id")
"""The result columns whose texts are short."""

SHORT_CHARACTERS = 128

NOT_FILLED = (
    "takes no null, has no default, and the results have no such column. Give it a default, let it be null, or "
    "have it in the source"
)

NEVER_NULL = "outcome"
"""The one column that results add with a value in every row."""

SINGLE_BITS = 24
"""What a float of 32 bits keeps of its digits."""


def check_columns(
    connection: Connection, table: Table, schema: pa.Schema, into: SqlDestination, rows: SourceRows
) -> None:
    """Refuse a table that lacks a column of the results, or has one that may not hold its values.

    Raises:
        DestinationError: there is such a column; the message names it and the way out.
    """
    check_present(connection, table, schema, into)
    for field in schema:
        column = table.columns[field.name]
        _check_type(into, field, column, connection.dialect, rows)
        if not (column.nullable or _is_counted(column, table)):
            _check_nulls(into, field.name, rows)
    for column in table.columns:
        filled = column.nullable or column.server_default is not None or column.identity or column.computed
        if not (column.name in schema.names or filled or _is_counted(column, table)):
            raise misfit(into, column.name, NOT_FILLED)


def check_present(connection: Connection, table: Table, schema: pa.Schema, into: SqlDestination) -> None:
    """Refuse a table that lacks a column of the results.

    Raises:
        DestinationError: the first that is missing is named.
    """
    for field in schema:
        if field.name not in table.columns:
            raise misfit(into, field.name, f"is missing there. {_way_to_add(connection, table, field)}")


def _way_to_add(connection: Connection, table: Table, field: pa.Field) -> str:
    views = inspect(connection).get_view_names(table.schema)
    with suppress(NotImplementedError):  # of databases that know no such views
        views = [*views, *inspect(connection).get_materialized_view_names(table.schema)]
    if table.name in views:
        return "It is a view: make it anew with that column, or name a table"
    dialect = connection.dialect
    name, kind = dialect.identifier_preparer.quote(field.name), column_type(field.type, dialect).compile(dialect)
    return f"ALTER TABLE {_named(table, dialect)} ADD COLUMN {name} {kind} adds it; or name another table"


def _named(table: Table, dialect: Dialect) -> str:
    return dialect.identifier_preparer.format_table(table).replace("%%", "%")  # as one types it


def _check_type(
    into: SqlDestination, field: pa.Field, column: Column[Any], dialect: Dialect, rows: SourceRows
) -> None:
    if column.computed is not None or (column.identity is not None and column.identity.always):
        raise misfit(into, field.name, "is made by the database itself. Rename one of the two")
    longest = rows.longest(field.name) if is_text(field.type) else None
    if not fits(field, column.type, dialect, longest):
        ours = column_type(field.type, dialect).compile(dialect)
        raise misfit(
            into,
            field.name,
            f"is {_shown(column.type, dialect)} in the table, which may not hold every value: make it {ours}",
        )


def _check_nulls(into: SqlDestination, name: str, rows: SourceRows) -> None:
    if name not in rows.names:
        if name != NEVER_NULL:
            raise misfit(into, name, "takes no null in the table, and rows without an answer have none there")
    elif (row := rows.first_null(name)) is not None:
        raise misfit(into, name, f"takes no null in the table, and row {row + 1:,} has no value there", row=row)


def check_key(connection: Connection, table: Table, into: SqlDestination) -> None:
    """Refuse an upsert into a table that may hold a key twice.

    Raises:
        DestinationError: no unique constraint or index is made of just the key columns.
    """
    if frozenset(into.key_columns) not in unique_keys(connection, table):
        dialect = connection.dialect
        columns = ", ".join(map(dialect.identifier_preparer.quote, into.key_columns))
        index = dialect.identifier_preparer.quote(f"{into.table_name}_key")
        others = " with the others" if into.key_columns[1:] else ""
        raise misfit(
            into,
            into.key_columns[0],
            f"is not unique{others} in the table, where two rows may have the same key: "
            f"CREATE UNIQUE INDEX {index} ON {_named(table, dialect)} ({columns}) makes it so",
        )


def misfit(into: SqlDestination, column: str, why: str, **details: Any) -> DestinationError:
    """The refusal of a column."""
    return DestinationError(
        f"{into} cannot take the results: the column {column!r} {why}.",
        path=str(into),
        column=column,
        **details,
    )


def _is_counted(column: Any, table: Table) -> bool:
    """Whether the database counts a key by itself, as SQLite does of its only integer one."""
    return list(table.primary_key) == [column] and isinstance(column.type, Integer)


def _shown(type_: TypeEngine[Any], dialect: Dialect) -> str:
    return str(type_.compile(dialect)) if not isinstance(type_, NullType) else "of a type of its own"


def fits(field: pa.Field, type_: TypeEngine[Any], dialect: Dialect, longest: int | None = None) -> bool:
    """Whether a column of this type holds every value of a field, whose longest text is known or not.

    Of the source's texts PostgreSQL itself is asked whether it reads them as UUIDs, JSON or a choice. Types that
    SQLAlchemy does not know, and arrays, are left to the database, which is asked in a rehearsal.
    """
    kind = field.type
    if isinstance(type_, DOMAIN):  # what it checks besides is asked in a rehearsal, as every other check
        return fits(field, type_.data_type, dialect, longest)
    if isinstance(type_, NullType) or (longest is not None and reads_text(type_, dialect)):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        if kind.extension_name == "arrow.uuid":
            return isinstance(type_, Uuid) or _is_long_text(type_, dialect, SHORT_CHARACTERS)
        kind = kind.storage_type
    if types.is_dictionary(kind):
        return fits(pa.field(field.name, kind.value_type), type_, dialect, longest)
    if is_array(kind, dialect):
        return isinstance(type_, ARRAY)
    if types.is_nested(kind):
        return isinstance(type_, JSON) or (not is_postgres(dialect) and _is_long_text(type_, dialect, None))
    found = next((holds for is_kind, holds in _SCALARS if is_kind(kind)), None)
    if found is not None and found(kind, type_, dialect):
        return True
    needed = SHORT_CHARACTERS if found is not None or (longest is None and field.name in SHORT) else longest
    return not is_bytes(kind) and _is_long_text(type_, dialect, needed)


def _is_long_text(type_: TypeEngine[Any], dialect: Dialect, needed: int | None) -> bool:
    """Whether a column holds texts of so many characters, or of any number where nobody knows how many."""
    if not isinstance(type_, String) or isinstance(type_, Enum):
        return False
    if type_.length is None or dialect.name == "sqlite":
        return True
    return needed is not None and type_.length >= needed


def _holds_integer(kind: Any, type_: TypeEngine[Any], dialect: Dialect) -> bool:
    unsigned = types.is_unsigned_integer(kind)
    if isinstance(type_, Integer):
        bits = 64 if dialect.name == "sqlite" else _bits(type_)
        return bool(kind.bit_width + unsigned <= bits)
    digits = len(str(2 ** (kind.bit_width - (not unsigned))))
    if isinstance(type_, Float):
        return digits <= EXACT_DIGITS and _is_double(type_, dialect)
    return isinstance(type_, Numeric) and _has_digits(type_, digits, 0, dialect)


def _bits(type_: TypeEngine[Any]) -> int:
    if isinstance(type_, SmallInteger):
        return 16
    return 64 if isinstance(type_, BigInteger) else 32


def _holds_float(kind: Any, type_: TypeEngine[Any], dialect: Dialect) -> bool:
    if isinstance(type_, Float):
        return _is_double(type_, dialect) or not types.is_float64(kind)
    return isinstance(type_, Numeric) and (type_.precision is None or dialect.name == "sqlite")


def _is_double(type_: Float[Any], dialect: Dialect) -> bool:
    return isinstance(type_, Double) or dialect.name == "sqlite" or (type_.precision or 0) > SINGLE_BITS


def _holds_decimal(kind: Any, type_: TypeEngine[Any], dialect: Dialect) -> bool:
    if isinstance(type_, Float):
        return dialect.name == "sqlite" and kind.precision <= EXACT_DIGITS
    return isinstance(type_, Numeric) and _has_digits(type_, kind.precision - kind.scale, kind.scale, dialect)


def _has_digits(type_: Numeric[Any], before: int, behind: int, dialect: Dialect) -> bool:
    if dialect.name == "sqlite":
        return before + behind <= EXACT_DIGITS
    if type_.precision is None:
        return True
    scale = type_.scale or 0
    return type_.precision - scale >= before and scale >= behind


def _holds_timestamp(kind: Any, type_: TypeEngine[Any], dialect: Dialect) -> bool:
    if not isinstance(type_, DateTime):
        return False
    return not is_postgres(dialect) or bool(type_.timezone) == (kind.tz is not None)


_Holds = Callable[[Any, TypeEngine[Any], Dialect], bool]


def _kinds(*wanted: type[TypeEngine[Any]]) -> _Holds:
    return lambda _kind, type_, _dialect: isinstance(type_, wanted)


_SCALARS: tuple[tuple[Callable[[Any], bool], _Holds], ...] = (
    (types.is_boolean, lambda _, type_, dialect: isinstance(type_, Boolean) or _counts_as_boolean(type_, dialect)),
    (types.is_integer, _holds_integer),
    (types.is_floating, _holds_float),
    (types.is_decimal, _holds_decimal),
    (types.is_timestamp, _holds_timestamp),
    (types.is_date, _kinds(Date, DateTime)),
    (types.is_time, _kinds(Time)),
    (is_bytes, _kinds(LargeBinary)),
    (is_other, _kinds()),
)


def _counts_as_boolean(type_: TypeEngine[Any], dialect: Dialect) -> bool:
    return not is_postgres(dialect) and isinstance(type_, Integer)
