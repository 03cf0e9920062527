"""Write the results of a job."""

from prefect import task

from ..batch.jobs.job import Job
from ..batch.jobs.report import JobReport
from ..batch.jobs.results import write_job_results
from .options import KEPT_AS_JSON
from .shown.run_names import named_write


@task(name="write-results", task_run_name=named_write, **KEPT_AS_JSON)
def write_results(job: Job) -> JobReport:
    """Write the input's columns and what became of each row to the destination, in input order.

    The destination is there whole or not at all; a row that nothing came back for is named missing.

    Raises:
        SourceError: the rows of the job were not read.
        TableNotWritten: the table cannot be written; the message says how to have it elsewhere.

    Example:
        ```python
        from prefect_openai_batch import build_items, fetch_output, open_job, plan_round
        from prefect_openai_batch import read_source, submit_batch, wait_for_batch, write_results

        job = open_job("reviews.csv", "label_reviews.yaml", "labelled.csv", job_key="reviews", storage="jobs")
        read_source(job)
        for selection in plan_round(job):
            for file in build_items(selection):
                fetch_output(wait_for_batch(submit_batch(file)))
        report = write_results(job)
        ```
    """
    return write_job_results(job, job.kept_rows("write_results"))
