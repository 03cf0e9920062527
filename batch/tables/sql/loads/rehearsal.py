"""Whether a table will take the results: asked of the database before anything is paid, and taken back."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pyarrow as pa
from sqlalchemy import Connection, Engine, Table, cast, func, inspect, literal, select
from sqlalchemy.exc import SQLAlchemyError

from ....errors import DatabaseError, DestinationError
from ..locks import LOCK_SECONDS, is_locked, outlasted
from ..sql_destination import SqlDestination
from .column_types import column_type, is_array, is_read_anew, is_text
from .engines import TRANSACTIONAL, prepare, said
from .fitting import check_columns, check_key, misfit
from .ledger import ContestedError, Entry, Ledger
from .loading import appended_before, exists_already
from .source_rows import SourceRows
from .staging import Staging
from .target_tables import add_rows, find_table, make_table, upsert_rows
from .turns import in_turn, wait_for_table


@dataclass(frozen=True)
class FirstRows:
    """The table's columns as they will be, its first rows, and all rows of the source."""

    schema: pa.Schema
    batches: list[pa.RecordBatch]
    source: SourceRows


@dataclass(frozen=True)
class Standing:
    """How far the job is: whether its results were written before, and whether rows of them go again now."""

    written: bool = False
    goes_on: bool = False


def check_table(
    engine: Engine, into: SqlDestination, job_key: str, standing: Standing, first: FirstRows | None
) -> None:
    """Refuse a table that results cannot be brought into; nothing of it is changed.

    Args:
        engine: The database.
        into: The table.
        job_key: The job whose results they will be.
        standing: How far the job is.
        first: What is known of the results; None where the source is not read yet.

    Raises:
        DatabaseError: the database cannot be reached.
        DatabaseLocked: another process has locked the table for a minute.
        DestinationError: the table is there or may not be written to, lacks a column, or would not hold a value.
    """
    try:
        connection = prepare(engine, into, LOCK_SECONDS).connect()
    except SQLAlchemyError as error:
        raise DatabaseError(
            f"The database {into.database} cannot be reached: {said(error)}.", database=into.database
        ) from None
    with connection:
        try:
            with connection.begin() as transaction:
                wait_for_table(connection, into, LOCK_SECONDS)
                _check_schema(connection, into)
                table = find_table(connection, into)
                _check_standing(connection, into, job_key, standing, table)
                if first is not None:
                    _check_rows(connection, into, table, first)
                    _rehearse(connection, into, job_key, table, first)
                transaction.rollback()
        except SQLAlchemyError as error:
            if is_locked(error):  # a row, which the lock on the table does not tell of
                kind = connection.dialect.name
                raise outlasted(f"A row of {into}", into.database, LOCK_SECONDS, kind) from None
            raise DestinationError(f"{into} cannot be written to: {said(error)}.", path=str(into)) from None


def _check_schema(connection: Connection, into: SqlDestination) -> None:
    schema, dialect = into.schema_name, connection.dialect
    if schema is None or dialect.name not in TRANSACTIONAL or inspect(connection).has_schema(schema):
        return
    within = "a name is TABLE or SCHEMA.TABLE" if "." in schema else "make it, or leave it out of the name"
    raise DestinationError(
        f"{into} cannot be written to: there is no schema {schema!r} in that database; {within}.", path=str(into)
    )


def _check_standing(
    connection: Connection, into: SqlDestination, job_key: str, standing: Standing, table: Table | None
) -> None:
    ledger = Ledger(into)
    known = ledger.find(connection, job_key) if table is not None and ledger.is_there(connection) else None
    if table is None or into.if_exists in ("replace", "upsert"):
        return
    if into.if_exists == "refuse" and (known is None or not standing.written):
        raise exists_already(into, known)
    if into.if_exists == "append" and known is not None and (standing.goes_on or not standing.written):
        raise appended_before(into, known)


def _check_rows(connection: Connection, into: SqlDestination, table: Table | None, first: FirstRows) -> None:
    _check_names(connection, into, first.schema)
    first.source.check_times(into)
    if into.if_exists == "upsert":
        first.source.check_key(into)
    if table is not None:
        check_columns(connection, table, first.schema, into, first.source)
        if into.if_exists == "upsert":
            check_key(connection, table, into)


def _check_names(connection: Connection, into: SqlDestination, schema: pa.Schema) -> None:
    most = connection.dialect.max_identifier_length
    for name in schema.names:
        if len(name.encode()) > most:
            raise misfit(into, name, f"has a name of {len(name.encode())} bytes, and {most} are taken. Rename it")


def _read_texts(connection: Connection, table: Table, job_key: str, first: FirstRows) -> None:
    """Let the database read every text of the source that it is to keep as something else than text."""
    dialect, source = connection.dialect, first.source
    read = [
        field
        for field in source.schema
        if (is_text(field.type) or is_array(field.type, dialect))
        and is_read_anew(column_type(field.type, dialect), table.columns[field.name].type, dialect)
    ]
    if not read:
        return
    staging = Staging(connection, pa.schema(read), f"texts of {job_key}")
    staging.write(source.read([field.name for field in read]))
    for field in read:
        texts = staging.table.columns[field.name]
        connection.execute(select(func.count(cast(texts, table.columns[field.name].type))))
    staging.drop()


def _rehearse(
    connection: Connection, into: SqlDestination, job_key: str, table: Table | None, first: FirstRows
) -> None:
    """Write the first rows with the very statements of the end, which the caller takes back."""
    if connection.dialect.name not in TRANSACTIONAL:
        return
    ledger = Ledger(into)
    ledger.make(connection)
    with suppress(ContestedError):
        known = ledger.find(connection, job_key)
        entered = partial(ledger.enter, connection, job_key, Entry("", 0), known)
        in_turn(connection, into, f"{into}, for this very job,", entered, LOCK_SECONDS)
    if table is not None:
        _read_texts(connection, table, job_key, first)
    staging = Staging(connection, first.schema, job_key)
    if table is None:
        table = make_table(connection, into, first.schema)
    elif into.if_exists in (
        "refuse",
        "replace",
    ):  # without their rows, which may be many, these would be in the way
        connection.execute(table.delete().where(literal(1) == 0))
        add_rows(connection, table, staging)
        return
    staging.write(first.batches)
    if into.if_exists == "upsert":
        upsert_rows(connection, table, staging, into.key_columns)
    else:
        add_rows(connection, table, staging)
