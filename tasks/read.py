"""Read the source, once."""

from prefect import task

from ..batch.jobs.job import Job, Rows
from ..batch.jobs.rows import keep_rows
from ..blocks.databases import database_engine
from .options import KEPT_AS_JSON
from .remote.tries import CONNECTING
from .shown.run_names import named_read


@task(name="read-source", task_run_name=named_read, **KEPT_AS_JSON)
def read_source(job: Job) -> Rows:
    """Read a job's source in chunks and keep its rows as Parquet parts in the job folder.

    Raises:
        SourceError: the table cannot be read; file, row and column are named.
        DatabaseError: there is no such database. One that cannot be reached, or breaks off, is tried again, from
            the beginning.
        RequestError: the request names a column that the table does not have.
        CustomIdError: the id column holds an id twice, or none, or one too long.
        DestinationError: the table could not be written in the end; a column at fault is named.

    Example:
        ```python
        from prefect_openai_batch import open_job, read_source

        job = open_job("reviews.csv", "label_reviews.yaml", job_key="reviews", storage="jobs")
        print(read_source(job).rows)
        ```
    """
    return CONNECTING.call(keep_rows, job, database_engine)
