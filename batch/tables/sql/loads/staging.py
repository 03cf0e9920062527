"""The staging table: the connection's own, seen by nobody else, and gone with its transaction."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import pyarrow as pa
from sqlalchemy import Column, Connection, Dialect, MetaData, Table, quoted_name
from sqlalchemy.exc import DBAPIError

from ...row_groups import slices
from .column_types import column_type, is_array, is_postgres, made_type
from .copy_lines import copy_lines
from .plain_columns import driver_values

CHUNK_BYTES = 4 * 1024 * 1024
"""About the most bytes of columns that are written at once: as text and as objects they are many more."""

NAME_CHARACTERS = 16


def columns_of(
    schema: pa.Schema, dialect: Dialect, key: Sequence[str] = (), *, staged: bool = False
) -> list[Column[Any]]:
    """Columns as we make them for results of this schema; staged ones are of the types that are written."""
    return [
        Column(
            quoted_name(field.name, quote=True),
            column_type(field.type, dialect) if staged else made_type(field, dialect),
            primary_key=field.name in key,
            autoincrement=False,
        )
        for field in schema
    ]


class Staging:
    """A staging table for results of one schema.

    It is temporary: a process that is killed leaves none behind, two processes do not meet in theirs, and whoever
    may write to the table needs no right to make others.
    """

    def __init__(self, connection: Connection, schema: pa.Schema, job_key: str) -> None:
        self.connection, self.schema = connection, schema
        self.dialect = connection.dialect
        name = f"openai_batch_{sha256(job_key.encode()).hexdigest()[:NAME_CHARACTERS]}"
        sql_server = self.dialect.name == "mssql"
        prefixes = [] if sql_server else ["TEMPORARY"]
        self.table = Table(
            f"#{name}" if sql_server else name,
            MetaData(),
            *columns_of(schema, self.dialect, staged=True),
            prefixes=prefixes,
        )
        self.table.create(connection, checkfirst=False)

    def write(self, batches: Iterable[pa.RecordBatch]) -> int:
        """Write rows, a chunk at a time; how many they were."""
        rows = 0
        for batch in batches:
            for chunk in slices(batch, size=CHUNK_BYTES):
                self._write(chunk)
                rows += chunk.num_rows
        return rows

    def drop(self) -> None:
        """Remove it."""
        self.table.drop(self.connection, checkfirst=False)

    def _write(self, chunk: pa.RecordBatch) -> None:
        if is_postgres(self.dialect) and self.dialect.driver == "psycopg":
            self._copy(chunk)
            return
        values = (
            driver_values(column, place.type, self.dialect)
            for column, place in zip(chunk.columns, self.table.columns, strict=True)
        )
        rows = [dict(zip(self.schema.names, row, strict=True)) for row in zip(*values, strict=True)]
        self.connection.execute(self.table.insert(), rows)

    def _copy(self, chunk: pa.RecordBatch) -> None:
        """By COPY, which takes a fifth of the time."""
        arrays = frozenset(place for place, field in enumerate(self.schema) if is_array(field.type, self.dialect))
        name = self.dialect.identifier_preparer.format_table(self.table)
        cursor: Any = self.connection.connection.cursor()
        try:
            with cursor, cursor.copy(f"COPY {name} FROM STDIN") as copy:
                copy.write(copy_lines(chunk, arrays))
        except self.dialect.loaded_dbapi.Error as error:  # as SQLAlchemy raises those of its own statements
            raise DBAPIError("COPY", None, error, hide_parameters=True) from None
