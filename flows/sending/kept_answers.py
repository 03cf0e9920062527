"""The answer store of a job: settled before its rows are read, and the same from then on."""

from contextlib import suppress
from dataclasses import replace

from prefect import get_run_logger

from ...batch.answer_store.answers import Answers
from ...batch.errors import DatabaseError
from ...batch.jobs.job import JOB, Job
from ...batch.jobs.options import RunOptions
from ...batch.jobs.unsent.job_keepers import keeper_of
from ...batch.storage.folders import Folder
from ...blocks.databases import open_store, open_store_of
from ...blocks.databases.answer_stores import NONE, path_in, whole_name
from ...tasks.remote.connection import connect
from ..defaults import team_store
from ..job_run import JobRun
from ..places import check_places


def settle_answers(job_run: JobRun) -> JobRun:
    """The run with its job's answer store, and whether repeats are sent once; a job that has begun keeps its own.

    Raises:
        DatabaseError: there is no such store, or it cannot be reached.
        Refused: it is a relative path, and the run is deployed.
    """
    job, options = job_run.job, job_run.options
    if job.rows() is not None or job.answers is not None:
        return job_run
    name = store_named(options)
    answers = None
    if name:
        check_places(**{"answer store": path_in(name)})
        with open_store(name) as store, connect(job_run.credentials) as connection:
            keeper = keeper_of(job)
            answers = Answers(
                store=whole_name(name),
                server=connection.server,
                opening=store.open_job(keeper.name, connection.server, options.max_answer_age_days),
                prices=job.terms.prices,
                keeper=keeper,
            )
        get_run_logger().info("Answers are kept in %s", store.name)
    return replace(job_run, job=job.with_answers(answers, deduplicate=options.deduplicate))


def forget_opening(folder: str) -> None:
    """Let a job that has sent nothing and goes see all answers when it comes again; that this fails is no harm.

    A number that an earlier start was given stays: that one may have sent, and its folder be lost.
    """
    job = Folder(folder).read(JOB, Job)
    if job is None or job.answers is None or not job.answers.opening.is_new:
        return
    with suppress(DatabaseError), open_store_of(job.answers) as store:
        store.forget_opening(job.answers.opening)


def store_named(options: RunOptions) -> str:
    """The name of the answer store that a run wishes, or its team does; empty where there is none."""
    name = options.answers or team_store()
    return "" if name == NONE else name
