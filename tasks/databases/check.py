"""Look into the table that results will go into."""

from prefect import task

from ...batch.jobs.job import Job
from ...blocks.databases import database_engine
from ..options import KEPT_AS_JSON
from ..shown.run_names import named_check


@task(name="check-table", task_run_name=named_check, **KEPT_AS_JSON)
def check_table(job: Job) -> None:
    """Refuse a table of a database that a job's results could not be brought into; nothing of it is changed.

    Call it before anything is sent, best when the rows are read: before, the table's columns are not known. A job
    whose results go into a file has no such table.

    Raises:
        DatabaseError: there is no database of that name, or it cannot be reached.
        DestinationError: the table is there or may not be written to, lacks a column, or would not hold a value.

    Example:
        ```python
        import os
        from prefect_openai_batch import SqlDestination, check_table, open_job, read_source

        os.environ["WAREHOUSE"] = "sqlite:///warehouse.db"
        labels = SqlDestination(database="WAREHOUSE", table="labels")
        job = open_job("reviews.csv", "label_reviews.yaml", labels, job_key="reviews", storage="jobs")
        read_source(job)
        check_table(job)
        ```
    """
    if job.into is None:
        return
    from ...batch.jobs.destinations.loads import check_job_table
    from ...batch.tables.sql.loads.engines import OPTIONS

    engine = database_engine(job.into.database, **OPTIONS)
    check_job_table(engine, job, job.into)
