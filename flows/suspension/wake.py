"""Wake the jobs that wait suspended and have something to do."""

from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import cache
from random import sample
from typing import NamedTuple

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import FlowPauseTimeout, NotPausedError
from prefect.flow_runs import resume_flow_run

from ...batch import clock
from ...batch.errors import BatchUnknown
from ...batch.files.batches import Batch
from ...batch.flight.enqueued import Enqueued
from ...batch.jobs.job import Job
from ...batch.words import counted
from ...blocks.prefect_calls import at_once
from ...tasks import look_for_room
from ...tasks.remote.tries import LOOKING
from ..defaults import default_storage
from ..runs import credentials_of, job_of, options_of
from ..shown.run_names import add_to_name, run_name
from .looks import look_once
from .readiness import Standing, could_go_on, read_standing
from .waiting_runs import waiting_runs

UNREAD = "The job folder or the account of flow run {!r} could not be read, or the run not be resumed"
"""What is logged of one that stays asleep for an error."""

UNSEEN = "The job of flow run %r is not in the storage that this run sees, and stays asleep"
"""What is logged of one whose job folder lies where only another machine, or another user, finds it."""

READERS = 16
"""Job folders that are read at once: an object store answers many as soon as one."""


class Waiting(NamedTuple):
    """A run that waits suspended, how its job stands, and whose batches they are."""

    run: FlowRun
    standing: Standing
    credentials: str | None


@flow(name="openai-batch-wake", flow_run_name=run_name, persist_result=False)
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

        woken = wake_jobs()  # every 40 seconds, if the schedule of `openai-batch-wake/wake` is on
        ```
    """
    waiting: defaultdict[str | None, list[Waiting]] = defaultdict(list)
    woken: list[str] = []
    failed: list[Exception] = []
    unseen = 0
    for run, reading in _readings(list(waiting_runs())):
        with _noted(failed, UNREAD.format(run.name)):
            if (found := reading.result()) is not None:
                waiting[found.credentials].append(found)
            else:
                get_run_logger().warning(UNSEEN, run.name)
                unseen += 1
    for credentials, group in waiting.items():
        with _noted(failed, f"The batches of credentials {credentials!r} could not be looked at"):
            woken += _wake(group, credentials, failed)
    told = [f"{counted(len(woken), 'job')} woken"] * bool(woken) + [f"{counted(unseen, 'job')} not seen"] * bool(
        unseen
    )
    if told:
        add_to_name(", ".join(told))
    if failed:
        raise failed[0]
    return woken


def _readings(runs: list[FlowRun]) -> list[tuple[FlowRun, Future[Waiting | None]]]:
    usual_storage = "" if all(run.parameters.get("storage") for run in runs) else default_storage()
    with ThreadPoolExecutor(READERS) as threads:
        return [(run, threads.submit(copy_context().run, _read, run, usual_storage)) for run in runs]


def _read(run: FlowRun, usual_storage: str) -> Waiting | None:
    """A run's job as it stands; None where the run has begun none."""
    job = job_of(run, usual_storage)
    return None if job is None else Waiting(run, read_standing(job), credentials_of(run) or None)


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
            return {batch.id for batch in look_once(opened, credentials=credentials, again=False)}
        except BatchUnknown as error:
            get_run_logger().warning("%s", error)
            opened = [batch for batch in opened if batch.id not in error.details["batch_ids"]]
    return set()


def _wake(waiting: list[Waiting], credentials: str | None, failed: list[Exception]) -> list[str]:
    """Resume those of these jobs, all of the same credentials, that can go on; their keys.

    The first ones have the room that there is, so each look takes them in another order: in any that stays the
    last ones starve.
    """
    ended = _ended([batch for one in waiting for batch in one.standing.opened], credentials)

    @cache
    def look() -> Enqueued | None:
        """One listing for all that wait for room; where it fails, none of them goes on for that."""
        with _noted(failed, f"The room of credentials {credentials!r} could not be looked for"):
            return look_for_room(credentials, LOOKING)
        return None

    woken: list[str] = []
    for run, standing, _ in sample(waiting, len(waiting)):
        with _noted(failed, UNREAD.format(run.name)):
            if could_go_on(standing, ended, clock.now(), look, options_of(run).in_flight):
                _resume(run, standing.job)
                woken.append(standing.job.key)
    return woken


def _resume(run: FlowRun, job: Job) -> None:
    with suppress(NotPausedError, FlowPauseTimeout, RuntimeError):  # somebody else was faster
        at_once(resume_flow_run, run.id)
        get_run_logger().info("The job %s goes on (flow run %s)", job.key, run.name)
