"""What became of the rows of a job, read again from its folder: only the columns that are asked for."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from ...jobs.job import Job
from ...jobs.results import untold
from ...jobs.unsent.outputs import fetched_outputs
from ...outcomes.by_row.latest_outcomes import latest_outcomes
from ...outcomes.open_outputs import OpenOutputs
from ...outcomes.outcome_columns import outcome_schema
from ...tables.row_groups import GROUP_ROWS

ALWAYS = ("row", "again", "outcome", "error_code", "error_message")
"""What is read of every outcome, to tell what became of rows that no batch held."""


def latest_rows(job: Job, columns: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """The latest outcome of each of the first rows of a job, in order, a few thousand at a time.

    Args:
        job: The job.
        columns: The columns of outcomes that are wanted, beside those of `ALWAYS`.
        rows: How many rows.
    """
    outputs, otherwise = fetched_outputs(job), untold(job)
    known = outcome_schema(job.request.endpoint, job.request.answer_type)
    wanted = [name for name in known.names if name in (*ALWAYS, *columns)]
    schema = pa.schema([known.field(name) for name in wanted])
    with OpenOutputs(outputs, wanted) as opened:
        for first in range(0, rows, GROUP_ROWS):
            end = min(first + GROUP_ROWS, rows)
            tables = [table for _, table in opened.between(first, end)]
            yield latest_outcomes(schema, tables, first, end, otherwise)
