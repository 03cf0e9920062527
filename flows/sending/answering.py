"""A round whose items are asked one by one, by the synchronous API."""

from datetime import UTC, datetime

from prefect import get_run_logger

from ...batch.jobs.rounds import plan_answers, plan_round, rounds_to_answer
from ...batch.money.budgets import Spending
from ...batch.progress import report as report_progress
from ...tasks import answer_items
from ..job_run import JobRun
from ..shown.story import tell_fetched
from .building import build_round

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def answer_rest(job_run: JobRun) -> None:
    """Answer at once what is left without an answer, and lies in no open batch, in a round of its own.

    What was planned so before, by a start that was killed, comes first: its rows are in that round alone.
    """
    job = job_run.job
    for number in rounds_to_answer(job):
        answer_round(job_run, number)
    number = max(job.rounds(), default=0) + 1
    if plan_answers(job, number):
        answer_round(job_run, number)


def answer_round(job_run: JobRun, number: int) -> None:
    """Ask the items of a synchronous round one by one; without a deadline to keep nothing more is asked."""
    build_round(job_run, plan_round(job_run.job, number))
    until = job_run.job.deadline.finish_by if job_run.job.deadline else LONG_AGO
    files = job_run.job.input_files_of(number)
    report_progress("answer", total=sum(file.items for file in files), done=0)
    spending = Spending(job_run.job)
    for file in files:
        allowed = spending.allows(file)
        if not allowed:
            get_run_logger().warning("The budget lets nothing more be answered at once")
        spending.sends(file)
        answer = job_run.task(answer_items, f"round-{number}/{file.name}/fetched")
        deadline = until if allowed else LONG_AGO  # what is recorded already is still taken
        answer(
            job_run.job,
            file,
            deadline=deadline,
            kept_in=job_run.job.answers,
            credentials=job_run.credentials,
        )
        tell_fetched(job_run.job, file)
