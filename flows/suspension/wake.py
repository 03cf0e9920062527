"""Wake the jobs that wait suspended and have something to do."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.flow_runs import resume_flow_run

from ...batch import clock
from ...batch.errors import BatchUnknown
from ...batch.files.batches import Batch
from ...batch.jobs.job import Job
from ...batch.words import counted
from ...blocks.prefect_calls import at_once
from ...tasks import look_for_room
from ..runs import credentials_of, job_of, options_of
from ..shown.run_names import add_to_name, run_name
from .looks import look_once
from .readiness import could_go_on
from .waiting_runs import waiting_runs


@flow(name="openai-batch-wake", flow_run_name=run_name, persist_result=True, result_serializer="json")
def wake_jobs() -> list[str]:
    """Look at the batches of all suspended jobs, in as few calls as there are, and resume those that can go on.

    It reads the job folders, so it needs the jobs' storage; and their credentials blocks, or, for those without
    one, the environment that their runs have.

    Returns:
        The keys of the jobs that were woken.

    Raises:
        Exception: some jobs, or their batches, could not be looked at; the others are woken all the same.

    Example:
        ```python
        from prefect_openai_batch import wake_jobs

        woken = wake_jobs()  # every few minutes, if the schedule of `openai-batch-wake/wake` is on
        ```
    """
    waiting: defaultdict[str | None, list[tuple[FlowRun, Job]]] = defaultdict(list)
    woken: list[str] = []
    failed: list[Exception] = []
    for run in waiting_runs():
        with _noted(failed, f"The job folder or the account of flow run {run.name!r} could not be read"):
            if (job := job_of(run)) is not None:
                waiting[credentials_of(run) or None].append((run, job))
    for credentials, group in waiting.items():
        with _noted(failed, f"The batches of credentials {credentials!r} could not be looked at"):
            woken += _wake(group, credentials)
    if woken:
        add_to_name(f"{counted(len(woken), 'job')} woken")
    if failed:
        raise failed[0]
    return woken


@contextmanager
def _noted(failed: list[Exception], message: str) -> Iterator[None]:
    """Go on after an error, which is logged and added to those that failed."""
    try:
        yield
    except Exception as error:
        get_run_logger().exception(message)
        failed.append(error)


def _ended(opened: list[Batch], credentials: str | None) -> set[str]:
    """The ids of the batches that have ended; what OpenAI does not know, as another account's, stays asleep."""
    while opened:
        try:
            return {batch.id for batch in look_once(opened, credentials=credentials)}
        except BatchUnknown as error:
            get_run_logger().warning("%s", error)
            opened = [batch for batch in opened if batch.id not in error.details["batch_ids"]]
    return set()


def _wake(waiting: list[tuple[FlowRun, Job]], credentials: str | None) -> list[str]:
    """Resume those of these jobs, all of the same credentials, that can go on; their keys."""
    opened = [batch for _, job in waiting for batch in job.open_batches()]
    ended = _ended(opened, credentials)
    look = cache(partial(look_for_room, credentials))  # by one listing, where some wait for room
    ready = [
        (run, job) for run, job in waiting if could_go_on(job, ended, clock.now(), look, options_of(run).in_flight)
    ]
    for run, job in ready:
        with suppress(NotPausedError, FlowPauseTimeout, RuntimeError):  # somebody else was faster
            at_once(resume_flow_run, run.id)
            get_run_logger().info("The job %s goes on (flow run %s)", job.key, run.name)
    return [job.key for _, job in ready]
