"""A round: begun, and brought to its end in batches or at once."""

from prefect import get_run_logger

from ..batch.jobs.report import JobReport
from ..batch.jobs.rounds import plan_round
from ..tasks import adopt_batches, recognise_table
from .job_run import JobRun
from .sending.answering import answer_round
from .sending.building import build_round
from .sending.flight import Flight
from .shown.story import tell_adopted, tell_round


def begin_round(job_run: JobRun, number: int, max_rounds: int) -> bool:
    """Build what is to be sent in a round; whether there is such a round."""
    job = job_run.job
    if job.stopped():
        return job.round_folder(number).exists()
    if number > max_rounds and not job.round_folder(number).exists():
        return False
    is_new = number > 1 and not job.round_folder(number).exists("plan.json")
    selections = plan_round(job, number, resumed=job_run.resumed)
    if selections:
        if is_new:
            tell_round(job, number, sum(selection.rows for selection in selections))
        build_round(job_run, selections)
        if job.key_given and not job.round_folder(number).exists("adopted.json"):
            tell_adopted(adopt_batches(job, number, credentials=job_run.credentials))
    return bool(selections)


def recognise_job(job_run: JobRun) -> JobReport | None:
    """The report of a job whose own table was found at its destination, where nothing of it is left to be done."""
    job = job_run.job
    if job.found is None:
        return None
    build_round(job_run, plan_round(job))
    report = recognise_table(job, credentials=job_run.credentials)
    if report is None:
        job.without_found()
    else:
        log = get_run_logger()
        log.info("The table at %s is this job's own: nothing was sent or written", job.destination)
        if not report.complete:
            log.warning(
                "The job's folder was lost: rows without an answer go again as another job, with its own key"
            )
    return report


def finish_round(job_run: JobRun, number: int) -> bool:
    """Every batch of a round, `in_flight` at once; False where they are waited for elsewhere."""
    if job_run.job.is_synchronous(number):
        answer_round(job_run, number)
        return True
    return Flight(job_run, number).run()
