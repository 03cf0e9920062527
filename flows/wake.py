"""Wake the jobs that wait suspended and have something to do."""

from contextlib import suppress
from itertools import groupby

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.flow_runs import resume_flow_run

from ..batch import clock
from ..batch.jobs import Job
from ..batch.waiting import could_go_on
from .calls import look_once
from .runs import job_of, waiting_runs


@flow(name="openai-batch-wake", persist_result=True, result_serializer="json")
def wake_jobs() -> list[str]:
    """Look at the batches of all suspended jobs, in as few calls as there are, and resume those that can go on.

    It reads the job folders, so it needs the jobs' storage; and their credentials blocks, or, for those without
    one, the environment that their runs have.

    Returns:
        The keys of the jobs that were woken.

    Raises:
        Exception: the batches of some jobs could not be looked at; the others are woken all the same.
    """
    waiting = [(run, job) for run in waiting_runs() if (job := job_of(run)) is not None]
    waiting.sort(key=_credentials)
    woken: list[str] = []
    failed: list[Exception] = []
    for credentials, group in groupby(waiting, key=_credentials):
        try:
            woken += _wake(list(group), credentials or None)
        except Exception as error:
            get_run_logger().exception("The batches of credentials %r could not be looked at", credentials)
            failed.append(error)
    if failed:
        raise failed[0]
    return woken


def _credentials(waiting: tuple[FlowRun, Job]) -> str:
    return waiting[0].parameters.get("credentials") or ""


def _wake(waiting: list[tuple[FlowRun, Job]], credentials: str | None) -> list[str]:
    """Resume those of these jobs, all of the same credentials, that can go on; their keys."""
    opened = [batch for _, job in waiting for batch in job.open_batches()]
    ended = {batch.id for batch in look_once(opened, credentials=credentials)} if opened else set()
    ready = [(run, job) for run, job in waiting if could_go_on(job, ended, clock.now())]
    for run, job in ready:
        with suppress(NotPausedError, FlowPauseTimeout, RuntimeError):  # somebody else was faster
            resume_flow_run(run.id)
            get_run_logger().info("The job %s goes on (flow run %s)", job.key, run.name)
    return [job.key for _, job in ready]
