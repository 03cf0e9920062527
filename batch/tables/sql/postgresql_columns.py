"""The columns of a source in PostgreSQL, by what its server says of them before any row is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .reflected_columns import MOMENT, decimal_type
from .selecting import select_no_rows
from .sql_source import SqlSource

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult
    from sqlalchemy import Connection

NUMERIC = 1700
"""The number of a type of PostgreSQL's own never changes."""

NATIVE: dict[int, pa.DataType] = {
    16: pa.bool_(),
    17: pa.binary(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    26: pa.int64(),
    700: pa.float32(),
    701: pa.float64(),
}
"""Types whose values psycopg makes Python's, nothing lost."""

BY_TEXT: dict[int, pa.DataType] = {
    1082: pa.date32(),
    1083: pa.time64("us"),
    1114: MOMENT,
    1184: pa.timestamp("us", "UTC"),
}
"""Types whose text Arrow reads; every other one stays the text that PostgreSQL makes of it."""

OWN = {114: "json", NUMERIC: "numeric", 2950: "uuid", 3802: "jsonb"}
"""Types whose values are text in a job, and that they get again in a table of PostgreSQL that we make."""

OWN_TYPE = b"postgresql"
"""The name under which a column's metadata says so."""

ARRAYS = """
    SELECT typ.oid, typ.typelem, element.typname, element.typdelim
    FROM pg_catalog.pg_type typ JOIN pg_catalog.pg_type element ON element.oid = typ.typelem
    WHERE typ.oid = ANY(%(oids)s) AND typ.typcategory = 'A' AND typ.typinput = 'array_in'::regproc
"""

DIMENSIONS = """
    SELECT attrelid, attnum, attndims FROM pg_catalog.pg_attribute
    WHERE attrelid = ANY(%(tables)s) AND attndims > 1
"""


@dataclass(frozen=True)
class _Column:
    """A column as the server tells of it; the number of what an array holds is its own for what is none."""

    name: str
    oid: int
    digits: int
    table: int
    place: int


def postgresql_columns(connection: Connection, source: SqlSource) -> pa.Schema:
    """The columns of a source with their types; from now on this connection gives the values for them.

    An array has as many dimensions as its column declares, else one. No row is read.
    """
    with connection.execute(select_no_rows(source)) as result:
        columns = _told(result.cursor.pgresult)
    arrays = {
        oid: (element, name, delimiter)
        for oid, element, name, delimiter in connection.exec_driver_sql(
            ARRAYS, {"oids": [column.oid for column in columns]}
        )
    }
    tables = [column.table for column in columns if column.oid in arrays]
    dimensions = {
        (table, place): count for table, place, count in connection.exec_driver_sql(DIMENSIONS, {"tables": tables})
    }
    _give_texts(connection, columns, arrays)
    return pa.schema([_field(column, _type(column, arrays, dimensions)) for column in columns])


def _field(column: _Column, kind: pa.DataType) -> pa.Field:
    own = OWN.get(column.oid) if pa.types.is_string(kind) else None
    return pa.field(column.name, kind, metadata={OWN_TYPE: own} if own else None)


def _told(result: PGresult) -> list[_Column]:
    return [
        _Column(
            (result.fname(place) or b"").decode(),
            result.ftype(place),
            result.fmod(place),
            result.ftable(place),
            result.ftablecol(place),
        )
        for place in range(result.nfields)
    ]


def _type(column: _Column, arrays: dict[int, Any], dimensions: dict[tuple[int, int], int]) -> pa.DataType:
    if column.oid not in arrays:
        return _scalar(column.oid, column.digits)
    kind = _scalar(arrays[column.oid][0], column.digits)
    for _ in range(dimensions.get((column.table, column.place), 1)):
        kind = pa.list_(kind)
    return kind


def _scalar(oid: int, digits: int) -> pa.DataType:
    if oid == NUMERIC and digits >= 0:
        # As numeric(precision, scale) is told: 16 bits each above a header of 4, of the scale 11 with its sign.
        packed = digits - 4
        return decimal_type(packed >> 16 & 0xFFFF, ((packed & 0x7FF) ^ 1024) - 1024)
    return NATIVE.get(oid) or BY_TEXT.get(oid, pa.string())


def _give_texts(connection: Connection, columns: list[_Column], arrays: dict[int, Any]) -> None:
    """Let psycopg give the texts of what it would bend or not know: JSON, intervals, moments far off, ranges."""
    from psycopg.types import TypeInfo
    from psycopg.types.string import TextLoader

    driver: Any = connection.connection.driver_connection
    for oid, (element, name, delimiter) in arrays.items():
        TypeInfo(name, element, oid, delimiter=delimiter).register(driver)
    for column in columns:
        oid = arrays[column.oid][0] if column.oid in arrays else column.oid
        if oid not in NATIVE:
            driver.adapters.register_loader(oid, TextLoader)
