"""Which jobs' rows a table holds: a row for each, written in the transaction that brings them."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Connection, DateTime, MetaData, String, Table, inspect
from sqlalchemy.exc import DBAPIError, IntegrityError

from ..sql_destination import SqlDestination

LEDGER = "openai_batch_loads"
"""The table's name; it lies in the schema of the tables that it tells of."""

KEY_CHARACTERS, NAME_CHARACTERS, DIGEST_CHARACTERS = 64, 255, 64


class Entry(NamedTuple):
    """What was loaded: of which bytes, and how many rows."""

    digest: str
    rows: int


class ContestedError(Exception):
    """Another process has loaded the same job in the meantime."""


class Ledger:
    """The ledger beside one table."""

    def __init__(self, into: SqlDestination) -> None:
        self.into = into
        self.table = Table(
            LEDGER,
            MetaData(schema=into.schema_name),
            Column("job_key", String(KEY_CHARACTERS), primary_key=True),
            Column("table_name", String(NAME_CHARACTERS), primary_key=True),
            Column("digest", String(DIGEST_CHARACTERS), nullable=False),
            Column("row_count", BigInteger, nullable=False),
            Column("loaded_at", DateTime(timezone=True), nullable=False),
        )

    def make(self, connection: Connection) -> None:
        """Make the ledger where there is none; another process may do so at the same moment."""
        if self.is_there(connection):
            return
        try:
            with connection.begin_nested():
                self.table.create(connection)
        except DBAPIError:
            if not self.is_there(connection):
                raise

    def is_there(self, connection: Connection) -> bool:
        """Whether there is one."""
        return inspect(connection).has_table(LEDGER, schema=self.into.schema_name)

    def find(self, connection: Connection, job_key: str) -> Entry | None:
        """What was loaded of a job, as far as its table still holds it."""
        columns = self.table.c
        found = connection.execute(
            self.table.select().where(columns.job_key == job_key, columns.table_name == self.into.table_name)
        ).one_or_none()
        return None if found is None else Entry(found.digest, found.row_count)

    def enter(self, connection: Connection, job_key: str, entry: Entry, known: Entry | None) -> None:
        """Write what is loaded of a job, in place of what was found here of it: nobody else's word is taken away.

        A process that does so too waits here for the end of the other. Where it does not wait, and is refused, it
        begins its transaction anew, and looks what stands here then.

        Raises:
            ContestedError: the other has come to its end, and something else than `known` stands here.
        """
        values = {"digest": entry.digest, "row_count": entry.rows, "loaded_at": datetime.now(UTC)}
        if known is not None:
            columns = self.table.c
            found = (columns.job_key == job_key) & (columns.table_name == self.into.table_name)
            changed = self.table.update().where(found, columns.digest == known.digest).values(values)
            if connection.execute(changed).rowcount != 1:
                raise ContestedError
            return
        try:
            added = self.table.insert().values(job_key=job_key, table_name=self.into.table_name, **values)
            connection.execute(added)
        except IntegrityError:
            raise ContestedError from None

    def forget_others(self, connection: Connection, job_key: str) -> None:
        """Of a table whose rows are replaced: it holds those of no other job any more."""
        columns = self.table.c
        connection.execute(
            self.table.delete().where(columns.job_key != job_key, columns.table_name == self.into.table_name)
        )
