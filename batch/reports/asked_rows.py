"""Rows as a person knows them: the columns that the prompt reads, and their texts in one line each."""

import pyarrow as pa

from ..jobs.job import Job
from ..tables.json_values import row_values
from .grids import Asked, brief

READ = 4
"""So many columns of a row are shown; a prompt seldom reads more."""


def asked_rows(job: Job, rows: pa.Table) -> Asked:
    """The rows by the columns that the prompt reads, in the table's order."""
    shown = read_columns(job, rows)[:READ]
    columns = ([brief(value) for value in row_values(rows[name].combine_chunks())] for name in shown)
    texts = zip(*columns, strict=True)
    told = tuple(" · ".join(row) for row in texts) if shown else ("",) * rows.num_rows
    return Asked(" · ".join(map(brief, shown)), told)


def read_columns(job: Job, rows: pa.Table) -> list[str]:
    """The columns that the prompt reads, all of them where a function does."""
    read = job.request.compile(tuple(rows.column_names)).columns
    return [name for name in rows.column_names if read is None or name in read]
