"""The rows of a job: read from the source once, kept in parts, and checked."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import refusals_of
from ..heap import frozen_heap
from ..progress import report
from ..requests.custom_ids import check_distinct_ids
from ..tables.any_source import check_content
from ..tables.json_values import row_values
from ..tables.parts import Part, read_rows, write_parts
from ..tables.sql.sql_reading import Connect
from .job import Job, Rows
from .only_new.reading import Reading
from .only_new.window import OnlyNew, opened_rows
from .results import rehearse_results


@frozen_heap()
def keep_rows(job: Job, connect: Connect | None = None, only_new: OnlyNew | None = None) -> Rows:
    """Read a job's source, keep its rows in the job folder, check them, and record that it is done.

    A table of no rows is one too; where it has no columns either, as JSONL of no lines, none can be missed. Of two
    runs at once one reads, and the other takes its rows.

    Args:
        job: The job.
        connect: Makes an engine for a database by its name, where the source is in one.
        only_new: How the new rows of a source with a watermark are told; None takes all rows.

    Raises:
        SourceError: the table cannot be read; file, row and column are named. Or it changed since its digest was
            made.
        DatabaseError: there is no such database, or it cannot be reached.
        RequestError: the request names a column that the table does not have.
        CustomIdError: the id column holds an id twice, or none, or one too long.
        DestinationError: the table could not be written in the end; a column at fault is named.
        ReadElsewhere: another run has taken the reading over from this one, which was not heard of for long.
    """
    with Reading(job) as reading:
        if reading.of_another is not None:
            return reading.of_another
        rows = _read(job, connect, only_new, reading)
        return reading.record(rows)


def _read(job: Job, connect: Connect | None, only_new: OnlyNew | None, reading: Reading) -> Rows:
    with refusals_of(job.source.name):
        with opened_rows(job, connect, only_new) as reader:
            if reader.schema.names:
                job.request.compile(tuple(reader.schema.names))
            parts = tuple(_told(write_parts(reader, job.files, goes_on=reading.check)))
        check_content(job.source, job.source_digest)
        _check_ids(job, parts)
    rows = Rows(rows=sum(part.rows for part in parts), parts=parts)
    report("read", total=rows.rows, done=rows.rows)
    rehearse_results(job, rows)
    return rows


def _told(parts: Iterable[Part]) -> Iterator[Part]:
    report("read", done=0)
    for part in parts:
        report("read", advance=part.rows)
        yield part


def _check_ids(job: Job, parts: tuple[Part, ...]) -> None:
    column = job.request.id_column
    if column is not None and parts:
        check_distinct_ids(column, lambda: _values(job, parts, column))


def _values(job: Job, parts: tuple[Part, ...], column: str) -> Iterator[list[Any]]:
    for part in parts:
        for batch in read_rows(job.files, part.number, [column]):
            yield row_values(batch[column])
