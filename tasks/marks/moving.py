"""Move the mark of a source that is read for its new rows."""

from prefect import task

from ...batch.jobs.job import Job
from ...batch.jobs.only_new.window import is_overtaken, move_mark, store_of
from ...blocks.databases import open_store_of
from ..options import KEPT_AS_JSON
from ..shown.run_names import named


@task(name="keep-mark", task_run_name=named("keep the mark"), **KEPT_AS_JSON)
def keep_mark(job: Job) -> bool:
    """Keep how far a job has taken its source, so that later runs take what is new; call it when it is finished.

    Call it after the results are where they belong. Again is as good as once, and a job that read its table before
    another one did, which has kept its mark since, moves nothing back.

    Returns:
        Whether the mark is this job's now; False too of a source that has none.

    Raises:
        DatabaseError: the answer store cannot be reached.

    Example:
        ```python
        from prefect_openai_batch import keep_mark, open_job

        job = open_job("reviews.csv", "label_reviews.yaml", job_key="reviews", storage="jobs")
        print(keep_mark(job))  # its source has no watermark
        ```
    """
    if job.source.watermark is None:
        return False
    from ...batch.answer_store.kept_marks import KeptMarks

    with open_store_of(store_of(job)) as store:
        return move_mark(job, KeptMarks(store))


def mark_stands(job: Job) -> bool:
    """Whether the mark of a job's source is where the job found it when it read its rows, or has moved it to.

    Raises:
        DatabaseError: the answer store cannot be reached.
    """
    from ...batch.answer_store.kept_marks import KeptMarks

    with open_store_of(store_of(job)) as store:
        return not is_overtaken(job, KeptMarks(store))
