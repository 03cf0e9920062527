"""A job taken up again: to its end, or only to collect what it has paid for."""

from typing import Annotated

from prefect import flow
from pydantic import Field

from ..batch.jobs.job import Job, load_job
from ..batch.jobs.opening import absolute
from ..batch.jobs.report import JobReport
from ..batch.storage import Folder
from ..tasks import cancel_job
from ..tasks.remote.creation import SETTLE_SECONDS
from ..tasks.wait import MAX_POLL_SECONDS, POLL_SECONDS
from .defaults import current_run, default_storage
from .job import TASK_RUNNER, end_state, leave, run_job
from .job_run import Calls
from .suspension.check import Wait, check_wait

IN_FLIGHT = 20


@flow(name="openai-batch-resume", persist_result=True, result_serializer="json", task_runner=TASK_RUNNER)
def resume_job(
    job_key: str,
    *,
    storage: str | None = None,
    credentials: str | None = None,
    in_flight: Annotated[int, Field(ge=1)] = IN_FLIGHT,
    max_rounds: Annotated[int, Field(ge=1)] = 3,
    settle_seconds: Annotated[float, Field(ge=0)] = SETTLE_SECONDS,
    poll_seconds: Annotated[float, Field(gt=0)] = POLL_SECONDS,
    max_poll_seconds: Annotated[float, Field(gt=0)] = MAX_POLL_SECONDS,
) -> JobReport:
    """Take a job up where it stands: what is open is fetched, and rows without an answer go again.

    Those are the rows that failed in passing, expired, were lost, were cancelled, or were never sent.

    Args:
        job_key: The job's key.
        storage: The folder or URL that holds the job folders.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        in_flight: Batches at OpenAI at once.
        max_rounds: How many more times a row may be sent.
        settle_seconds: How long to look for a batch whose creation got no answer, before creating it again.
        poll_seconds: The shortest time between two looks at the batches, in seconds.
        max_poll_seconds: The longest.

    Raises:
        StorageNotShared: there is no such job in the storage.

    Example:
        ```python
        from prefect_openai_batch import resume_job

        report = resume_job("reviews", storage="jobs")  # its key and storage, as its run had them
        print(report.answered, "of", report.rows)
        ```
    """
    job = find_job(job_key, storage)
    job.go_on()
    calls = Calls(job, credentials, in_flight, poll_seconds, max_poll_seconds, settle_seconds, resumed=True)
    report = run_job(calls, len(job.rounds()) + max_rounds)
    assert report is not None, "it waits in this process"
    return end_state(report, 0)  # type: ignore[return-value]  # Prefect gives the state's data


@flow(name="openai-batch-collect", persist_result=True, result_serializer="json", task_runner=TASK_RUNNER)
def collect_job(
    job_key: str,
    *,
    storage: str | None = None,
    credentials: str | None = None,
    settle_seconds: Annotated[float, Field(ge=0)] = SETTLE_SECONDS,
    poll_seconds: Annotated[float, Field(gt=0)] = POLL_SECONDS,
    max_poll_seconds: Annotated[float, Field(gt=0)] = MAX_POLL_SECONDS,
    wait: Wait = "sensor",
) -> JobReport:
    """End a job: nothing more is sent, what its batches have finished is fetched, the table is written.

    Batches of a cancelled job are cancelled, where that was not done; others are waited for. Rows without an
    answer say why; `resume_job` would send them.

    Args:
        job_key: The job's key.
        storage: The folder or URL that holds the job folders.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        settle_seconds: How long to look for a batch whose creation got no answer.
        poll_seconds: The shortest time between two looks at the batches, in seconds.
        max_poll_seconds: The longest.
        wait: Where the run waits for batches that are being cancelled, as in `openai_batch`.

    Raises:
        StorageNotShared: there is no such job in the storage.

    Example:
        ```python
        from prefect_openai_batch import collect_job

        report = collect_job("reviews", storage="jobs")  # its key and storage, as its run had them
        print(report.outcomes)
        ```
    """
    check_wait(wait, current_run())
    job = find_job(job_key, storage)
    report = job.report()
    if report is not None:
        return end_state(report, 0)  # type: ignore[return-value]  # Prefect gives the state's data
    stopped = job.stopped()
    if stopped is None:
        job.stop("cancelled", "The job was ended before this row was sent.")
    elif stopped.code == "cancelled":
        cancel_job(job, settle_seconds=settle_seconds, credentials=credentials)
    calls = Calls(job, credentials, IN_FLIGHT, poll_seconds, max_poll_seconds, settle_seconds, wait=wait)
    report = run_job(calls, 0)
    return end_state(report, 0) if report else leave(calls)  # type: ignore[return-value]


def find_job(job_key: str, storage: str | None) -> Job:
    """The job of this key.

    Raises:
        StorageNotShared: there is none in the storage.
    """
    return load_job((Folder(absolute(storage or default_storage())) / job_key).url)
