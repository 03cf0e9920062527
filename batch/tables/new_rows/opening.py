"""A source of either kind, opened for its new rows."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa

from ...watermarks.mark import KeptMark
from ..any_source import Source, way_to
from ..sources import FileSource, open_source
from ..sql.sql_reading import Connect, opened_table
from .new_rows import NewRows, Read
from .sql_condition import no_lower_than


@contextmanager
def opened_new(
    source: Source,
    kept: KeptMark | None,
    *,
    now: datetime,
    job_key: str,
    full: bool = False,
    connect: Connect | None = None,
) -> Iterator[NewRows]:
    """The new rows of a source with a watermark, ready to be read in the block; of a database in one snapshot.

    Args:
        source: The source; its limit counts new rows.
        kept: The mark of the last finished run; None where there is none.
        now: When the reading begins.
        job_key: The job that reads.
        full: Whether all rows are new.
        connect: Makes an engine for a database by its name; not needed of a file.

    Raises:
        SourceError: it cannot be read, or its watermark column cannot be one; the message says why.
        DatabaseError: there is no such database, or it cannot be reached.
    """
    watermark = source.watermark
    assert watermark is not None, "asked for of a source with a watermark"

    def new(schema: pa.Schema, read: Read) -> NewRows:
        return NewRows(
            schema,
            read,
            watermark,
            kept,
            name=source.name,
            now=now,
            job_key=job_key,
            full=full,
            limit=source.limit,
            in_database=not isinstance(source, FileSource),
        )

    if isinstance(source, FileSource):
        reader = open_source(source.model_copy(update={"limit": None}))
        yield new(reader.schema, lambda _kind, _low: iter(reader))
        return
    with opened_table(source, way_to(source, connect)) as table:
        dialect, column = table.dialect, watermark.column
        yield new(table.schema, lambda kind, low: table.batches(no_lower_than(dialect, column, kind, low)))
