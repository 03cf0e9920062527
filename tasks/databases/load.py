"""Bring a job's results into a table of a database."""

from prefect import task

from ...batch.jobs.job import Job
from ...blocks.databases import database_engine
from ..options import KEPT_AS_JSON
from ..shown.run_names import named_load


@task(name="load-results", task_run_name=named_load, **KEPT_AS_JSON)
def load_results(job: Job) -> int:
    """Bring the results that `write_results` has written into the job's table of a database, all at once.

    It may be called again, after a crash too: no row comes twice.

    Returns:
        How many rows they are; 0 for a job whose results go into a file.

    Raises:
        DatabaseError: there is no database of that name.
        TableNotWritten: the table cannot be written; the message says how to go on.

    Example:
        ```python
        import os
        from prefect_openai_batch import SqlDestination, load_results, open_job, read_source, write_results

        os.environ["WAREHOUSE"] = "sqlite:///warehouse.db"
        labels = SqlDestination(database="WAREHOUSE", table="labels")
        job = open_job("reviews.csv", "label_reviews.yaml", labels, job_key="reviews", storage="jobs")
        read_source(job)  # … and what is between: see `write_results`
        write_results(job)
        print(load_results(job), "rows")
        ```
    """
    if job.into is None:
        return 0
    from ...batch.jobs.destinations.loads import load_job_results
    from ...batch.tables.sql.loads.engines import OPTIONS

    engine = database_engine(job.into.database, **OPTIONS)
    return load_job_results(engine, job, job.into).rows
