"""Results brought into a table: staged, then put there in one transaction with the ledger's word that they are."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, Table, func, select

from ....errors import DestinationError
from ....progress import reported
from ..locks import AT_ONCE, wait_at_most, when_free
from ..sql_destination import SqlDestination
from .engines import LOAD_SECONDS, TRANSACTIONAL, prepare
from .fitting import check_present
from .ledger import ContestedError, Entry, Ledger
from .staging import Staging
from .target_tables import add_rows, find_table, make_table, remove_rows, upsert_rows
from .turns import wait_for_table

TRIES = 3
"""A process that waited for another of the same job looks once more, and finds its rows there."""


@dataclass(frozen=True)
class Results:
    """A table of results: whose they are, their columns, and what tells them from others."""

    job_key: str
    schema: pa.Schema
    batches: Iterable[pa.RecordBatch]
    entry: Entry


def open_results(job_key: str, file: IO[bytes], digest: str) -> Results:
    """The results in an open Parquet file, of which a row group is in memory at a time."""
    parquet = pq.ParquetFile(file)
    rows = parquet.metadata.num_rows
    return Results(job_key, parquet.schema_arrow, reported("load", _batches(parquet), rows), Entry(digest, rows))


def _batches(parquet: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for group in range(parquet.num_row_groups):
        yield from parquet.read_row_group(group).combine_chunks().to_batches()


def load(engine: Engine, into: SqlDestination, results: Results) -> None:
    """Bring results into a table, all at once; those of the same job that it holds already are left as they are.

    Whoever reads the table sees it as it was, or with all rows. A process that dies leaves it as it was, and
    whoever loads the same job afterwards, or at the same time, does not add a row twice.

    Raises:
        DestinationError: the table may not be written to, as `if_exists` says.
        DatabaseLocked: another process has locked it for ten minutes.
        SQLAlchemyError: the database refuses.
    """
    ledger = Ledger(into)
    with prepare(engine, into, LOAD_SECONDS).connect() as connection:
        with connection.begin():
            wait_for_table(connection, into, LOAD_SECONDS)
            ledger.make(connection)
            if connection.dialect.name not in TRANSACTIONAL and find_table(connection, into) is None:
                make_table(connection, into, results.schema)

        def load_at_once() -> None:
            with connection.begin():
                wait_for_table(connection, into, LOAD_SECONDS)
                _load(connection, into, ledger, results)

        for _ in range(TRIES):
            with suppress(ContestedError):
                when_free(
                    str(into), load_at_once, database=into.database, seconds=LOAD_SECONDS, kind=engine.dialect.name
                )
                return
    raise DestinationError(f"{into} is loaded by several processes at once.", path=str(into))


def _load(connection: Connection, into: SqlDestination, ledger: Ledger, results: Results) -> None:
    table, known = find_table(connection, into), ledger.find(connection, results.job_key)
    if table is not None and known is not None and known.digest == results.entry.digest:
        return
    wait_at_most(connection, AT_ONCE)  # for another process of the job: see `load`
    ledger.enter(connection, results.job_key, results.entry, known)
    wait_at_most(connection, f"{LOAD_SECONDS:.0f}s")
    if table is not None:
        _refuse_second_life(connection, into, table, known)
        check_present(connection, table, results.schema, into)
    with _staged(connection, results) as staging:
        if table is None:
            table = make_table(connection, into, results.schema)
        if into.if_exists == "upsert":
            upsert_rows(connection, table, staging, into.key_columns)
            return
        if into.if_exists != "append":
            remove_rows(connection, table)
            ledger.forget_others(connection, results.job_key)
        add_rows(connection, table, staging)


def _refuse_second_life(connection: Connection, into: SqlDestination, table: Table, known: Entry | None) -> None:
    """Refuse to add rows to those that the same job has added, or to take away what others have."""
    if into.if_exists == "append" and known is not None:
        raise appended_before(into, known)
    if into.if_exists == "refuse" and _count(connection, table) != (known.rows if known else 0):
        raise exists_already(into, known)


def appended_before(into: SqlDestination, known: Entry) -> DestinationError:
    """The refusal of rows that would stand twice."""
    return DestinationError(
        f"{into} holds {_rows(known)} of this job already, which would stand there twice if it appended "
        'once more. Upsert by a key (if_exists="upsert", --if-exists upsert --key-column COLUMN), or choose '
        "another table.",
        path=str(into),
    )


def exists_already(into: SqlDestination, known: Entry | None) -> DestinationError:
    """The refusal of a table that is there."""
    own = "" if known is None else f", with {_rows(known)} of this very job"
    return DestinationError(
        f"{into} exists already{own}. Choose another table, or say what becomes of its rows: append, replace or "
        "upsert.",
        path=str(into),
    )


def _rows(known: Entry) -> str:
    return f"{known.rows:,} row{'' if known.rows == 1 else 's'}"


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


@contextmanager
def _staged(connection: Connection, results: Results) -> Iterator[Staging]:
    staging = Staging(connection, results.schema, results.job_key)
    rows = staging.write(results.batches)
    assert rows == results.entry.rows, "a row group gave other rows than its file says"
    yield staging
    staging.drop()
