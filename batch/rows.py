"""The rows of a job: read from the source once, kept in parts, and checked."""

from .bodies import compile_request
from .custom_ids import check_id_column
from .errors import refusals_of
from .garbage import settled_heap
from .jobs import Job, Rows
from .tables.parts import write_parts
from .tables.sources import open_source


@settled_heap()
def keep_rows(job: Job) -> Rows:
    """Read a job's source, keep its rows in the job folder, check them, and record that it is done.

    Raises:
        SourceError: the table cannot be read; file, row and column are named.
        RequestError: the request names a column that the table does not have.
        CustomIdError: the id column holds an id twice, or none, or one too long.
    """
    reader = open_source(job.source)
    with refusals_of(job.source.path):
        compile_request(job.request, tuple(reader.schema.names))
        parts = tuple(write_parts(reader, job.files))
        rows = Rows(rows=sum(part.rows for part in parts), parts=parts)
        check_id_column(job, rows)
    job.files.write("rows.json", rows)
    return rows
