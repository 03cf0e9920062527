"""Read the source, once."""

from prefect import task

from ..batch.jobs.job import Job, Rows
from ..batch.jobs.only_new.window import OnlyNew, store_of
from ..batch.jobs.rows import keep_rows
from ..blocks.databases import database_engine, open_store_of
from .options import KEPT_AS_JSON
from .remote.tries import CONNECTING
from .shown.run_names import named_read


@task(name="read-source", task_run_name=named_read, **KEPT_AS_JSON)
def read_source(job: Job, *, full: bool = False, min_answered: float = 0.0) -> Rows:
    """Read a job's source in chunks and keep its rows as Parquet parts in the job folder.

    Of a source with a watermark only the new rows; `full` takes all of them, and the mark begins anew. With
    less than the share `min_answered` answered the job leaves no mark, also where it is resumed.

    Raises:
        SourceError: the table cannot be read; file, row and column are named. Or its watermark column cannot be
            one, or there is no answer store that keeps its mark.
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
    if job.source.watermark is None:
        return CONNECTING.call(keep_rows, job, database_engine)
    from ..batch.answer_store.kept_marks import KeptMarks

    kept_in = store_of(job)
    with open_store_of(kept_in) as store:
        only_new = OnlyNew(KeptMarks(store), kept_in.server, full, min_answered)
        return CONNECTING.call(keep_rows, job, database_engine, only_new)
