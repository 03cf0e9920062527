"""The tables of an answer store, on SQLite and PostgreSQL, and how any table of ours is made there.

An answer's digest may stand there in several editions: one that has grown old is kept anew. Which of them a job
sees does not hang on clocks: each job is numbered as it begins, an answer bears the number of the last job that
had begun when it was kept, and a job sees those below its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import (
    URL,
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    inspect,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateTable

from ..errors import DatabaseError, DatabaseUnreachable
from ..progress import noted_wait
from ..tables.sql.database_words import hidden, may_pass
from ..tables.sql.loads.engines import said
from ..tables.sql.locks import is_locked, outlasted, wait_at_most, when_free

DIALECTS = ("sqlite", "postgresql")

BUSY_SECONDS = 60
"""How long a process waits for another one that is writing to the same file."""

METADATA = MetaData()

ANSWERS = Table(
    "openai_batch_answers",
    METADATA,
    Column("digest", LargeBinary(20), primary_key=True),
    Column("edition", BigInteger, primary_key=True, autoincrement=False),
    Column("kept_at", BigInteger, nullable=False),
    Column("endpoint", String(64), nullable=False),
    Column("model", String, nullable=True),
    Column("job_key", String(64), key="keeper", nullable=False),
    Column("custom_id", String, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cost_usd", String(40)),
    Column("body", LargeBinary, nullable=False),
)
"""One answer a row: `edition` is the number of the last job that had begun when it was kept, `kept_at` in Unix
seconds, `keeper` who has kept it (by the job's key alone where an earlier version has), `body` the response's as
it came, compressed where that makes it smaller."""

KEEPERS = Table(
    "openai_batch_keepers",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("key", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("asks", Text, nullable=False),
)
"""Who has kept answers, as a person knows them."""

OPENINGS = Table(
    "openai_batch_openings",
    METADATA,
    # SQLite numbers only what it calls INTEGER
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("job_key", String(64), key="keeper", nullable=False),
    Column("server", String, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    UniqueConstraint("keeper", "server"),
    sqlite_autoincrement=True,
)
"""The jobs that have begun: the same job finds its own number again, whatever became of its folder.

A job that is forgotten leaves its number, which is none of anybody then.
"""

FORGOTTEN = "-{}"
"""A name that nobody can have, made of a number."""


@contextmanager
def reached(name: str, url: URL) -> Iterator[None]:
    """Let what a database cannot do be said in its own words, with the store's name and without its password.

    Raises:
        DatabaseLocked: another process has locked it for a minute.
        DatabaseUnreachable: it cannot be reached, or the connection broke.
        DatabaseError: it refuses what is asked.
    """
    try:
        with noted_wait(f"the answer store {name}"):
            yield
    except SQLAlchemyError as error:
        if is_locked(error):
            raise outlasted(f"The answer store {name}", name, BUSY_SECONDS, "") from None
        passes = isinstance(error, DBAPIError) and may_pass(error)
        words = hidden(said(error), url, {})
        raise (DatabaseUnreachable if passes else DatabaseError)(
            f"The answer store {name} cannot be {'reached' if passes else 'used'}: {words}. A run without it "
            "(answers='none', --answers none) pays for all its rows again.",
            database=name,
        ) from None


def holds_answers(engine: Engine, name: str) -> bool:
    """Whether there is an answer store in a database, whose engine is not prepared yet; nothing is made."""
    with reached(name, engine.url):
        try:
            return inspect(engine).has_table(ANSWERS.name)
        finally:
            engine.dispose()  # connections of before are not set up as ours are


def prepare_engine(engine: Engine) -> Engine:
    """Let many processes use an engine's database at once: a SQLite file waits for its turn to be written.

    Raises:
        DatabaseError: it is neither SQLite nor PostgreSQL.
    """
    if engine.dialect.name not in DIALECTS:
        raise DatabaseError(
            f"Answers are kept in SQLite or PostgreSQL; {engine.dialect.name} is neither. Name a file, such as "
            "answers.db, or a PostgreSQL database."
        )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    else:
        event.listen(engine, "begin", _wait_not_for_ever)
    return engine


def _set_up_sqlite(connection: object, _: object) -> None:
    """Leave beginnings to us, so that who writes waits at the beginning and not in the middle."""
    connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "secure_delete = ON",  # what is forgotten is not to stay in the file
    ):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]  # sqlite3's


def _wait_not_for_ever(connection: Connection) -> None:
    """Wait as long in PostgreSQL for what others have locked; in this transaction alone: a pool is others' too."""
    wait_at_most(connection, f"{BUSY_SECONDS}s")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes, committed at the end of the block; of a SQLite file only one at a time."""
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _begin_to_write(connection)
        yield connection
        connection.commit()


def _begin_to_write(connection: Connection) -> None:
    """Begin once nobody else writes to the file, and say so where that takes long: SQLite waits without a word."""
    file = f"The answer store {Path(connection.engine.url.database or '').name}"
    begin = partial(connection.exec_driver_sql, "BEGIN IMMEDIATE")
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        when_free(file, begin, seconds=BUSY_SECONDS, kind="sqlite")
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")


def make_tables(engine: Engine, metadata: MetaData) -> None:
    """Make the tables that are not there yet; other processes may do so at the same moment."""
    there = set(inspect(engine).get_table_names())
    missing = [table for table in metadata.sorted_tables if table.name not in there]
    for table in missing:
        try:
            with writing(engine) as connection:
                connection.execute(CreateTable(table, if_not_exists=True))
        except DBAPIError:  # PostgreSQL's, where two make it at once
            if not inspect(engine).has_table(table.name):
                raise
