"""A job's results brought into a table of a database, and that table looked into beforehand."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest

import pyarrow as pa
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ...errors import TableNotWritten
from ...tables.parts import read_rows, read_schema
from ...tables.sql.loads.engines import said
from ...tables.sql.loads.loading import load, open_results
from ...tables.sql.loads.rehearsal import FirstRows, Standing, check_table
from ...tables.sql.loads.source_rows import SourceRows
from ...tables.sql.sql_destination import Loaded, SqlDestination
from ..job import LOADED, RESULTS, Job, Rows
from ..report import REPORT, command_for
from ..results import first_results
from ..rounds import unanswered_rows


def check_job_table(engine: Engine, job: Job, into: SqlDestination) -> None:
    """Refuse a table that the job's results could not be brought into; nothing of it is changed.

    What is looked at before the rows are read is less: whether the table is there, and the database.

    Raises:
        DatabaseError: the database cannot be reached.
        DestinationError: the table is there or may not be written to, lacks a column, or would not hold a value.
    """
    rows = job.rows()
    written = job.files.exists(REPORT)
    standing = Standing(written, goes_on=written and bool(len(unanswered_rows(job))))
    check_table(engine, into, job.key, standing, None if rows is None else _first_rows(job, rows))


def load_job_results(engine: Engine, job: Job, into: SqlDestination) -> Loaded:
    """Bring the results that lie in the job's folder into their table, once, and record that it is done.

    Raises:
        TableNotWritten: they cannot be; the message says how to go on.
    """
    with job.files.open(RESULTS) as file:
        digest = file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # it reads, and that is all
    with job.files.open(RESULTS) as file, _answers_kept(job, into):
        results = open_results(job.key, file, digest)
        load(engine, into, results)
    loaded = Loaded(into=into, digest=digest, rows=results.entry.rows)
    job.files.write(LOADED, loaded)
    return loaded


def _first_rows(job: Job, rows: Rows) -> FirstRows:
    schema, batches = first_results(job, rows)

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for part in rows.parts:
            yield from read_rows(job.files, part.number, columns)

    return FirstRows(schema, batches, SourceRows(read_schema(job.files), read))


@contextmanager
def _answers_kept(job: Job, into: SqlDestination) -> Iterator[None]:
    """Let what fails in the block say that nothing is lost, and how the table is had after all."""
    try:
        yield
    except Exception as error:  # the database, the network, a value that no column holds: the answers are there
        of_database = isinstance(error, SQLAlchemyError)
        why = f"the database says: {said(error)}" if isinstance(error, SQLAlchemyError) else str(error)
        raise TableNotWritten(
            f"The answers of the job {job.key!r} are there, but they cannot be brought into {into}: "
            f"{why.rstrip('.')}. {command_for('resume', job.folder)} tries again when that is mended; with "
            "--to answers.parquet, or --to-sql and another table, it writes them elsewhere. Answers are not paid "
            "again.",
            job_key=job.key,
            path=str(into),
        ) from (None if of_database else error)
