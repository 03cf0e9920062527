"""A job taken up again: to its end, or only to collect what it has paid for."""

from datetime import UTC, datetime

from prefect import flow

from ..batch import clock
from ..batch.errors import StorageNotShared
from ..batch.jobs.deadlines import check_deadline
from ..batch.jobs.destinations.moved import goes_elsewhere, keep_destination
from ..batch.jobs.job import Job, load_job
from ..batch.jobs.opening import check_job_key, keep_deadline, storage_folder
from ..batch.jobs.options import USUAL, RunOptions
from ..batch.jobs.report import JobReport
from ..batch.jobs.rounds import finished_report
from .cancellation import cancel_open_batches
from .defaults import begun_at, current_run, default_storage, with_schedule
from .destination import Destination, path_written, scheduled_destination
from .job import TASK_RUNNER, run_to_its_state, tell_done
from .job_run import JobRun
from .own_parameters import as_we_take_them
from .places import check_places
from .shown.run_names import run_name
from .suspension.checks import check_wait


@as_we_take_them
@flow(
    name="openai-batch-resume",
    flow_run_name=run_name,
    persist_result=True,
    result_serializer="json",
    task_runner=TASK_RUNNER,
    on_cancellation=[cancel_open_batches],
)
def resume_job(
    job_key: str,
    *,
    storage: str | None = None,
    credentials: str | None = None,
    options: RunOptions = USUAL,
    destination: Destination | None = None,
) -> JobReport:
    """Take a job up where it stands: what is open is fetched, and rows without an answer go again.

    Those are the rows that failed in passing, expired, were lost, were cancelled, or were never sent. A job that
    is done, with no such row, is only told of: its table stays as it is, whatever was changed in it since.

    Args:
        job_key: The job's key.
        storage: The folder or URL that holds the job folders.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        options: As in openai_batch; the rounds are so many more.
        destination: Another path, URL or table of a database for the results from now on; empty: where they
            were to go.

    Raises:
        StorageNotShared: there is no such job in the storage.
        DestinationError: the other destination exists, or the table cannot be written to it.
        DeadlineError: the time to finish by is no time, or leaves none for a batch; the job stays as it was.

    Example:
        ```python
        from prefect_openai_batch import resume_job

        report = resume_job("reviews", storage="jobs")  # its key and storage, as its run had them
        print(report.answered, "of", report.rows)
        ```
    """
    run = current_run()
    check_wait(options.wait, run)
    job, deadline = find_job(job_key, storage), options.deadline(begun_at(run))
    destination = _checked(destination, begun_at(run))
    elsewhere = destination and goes_elsewhere(job, destination)
    finished = None if elsewhere else finished_report(job)
    if finished is not None:
        return tell_done(JobRun(job, options, credentials), finished)  # type: ignore[return-value]  # as below
    if deadline is not None and deadline != job.deadline:
        check_deadline(deadline, datetime.fromtimestamp(clock.now(), UTC))
    job = keep_destination(job, destination)
    resumed = job.resume(str(run.id))
    job = keep_deadline(job, deadline)
    return run_to_its_state(  # type: ignore[return-value]  # Prefect gives the state's data
        JobRun(job, options, credentials, resumed=True), resumed.rounds + options.max_rounds
    )


@as_we_take_them
@flow(
    name="openai-batch-collect",
    flow_run_name=run_name,
    persist_result=True,
    result_serializer="json",
    task_runner=TASK_RUNNER,
)
def collect_job(
    job_key: str,
    *,
    storage: str | None = None,
    credentials: str | None = None,
    options: RunOptions = USUAL,
    destination: Destination | None = None,
) -> JobReport:
    """End a job: nothing more is sent, what its batches have finished is fetched, the table is written.

    Batches of a cancelled job are cancelled, where that was not done; others are waited for. Rows without an
    answer say why; `resume_job` would send them.

    Args:
        job_key: The job's key.
        storage: The folder or URL that holds the job folders.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        options: As in openai_batch, as far as they are about waiting.
        destination: Another path, URL or table of a database for the results from now on; empty: where they
            were to go.

    Raises:
        StorageNotShared: there is no such job in the storage.
        DestinationError: the other destination exists, or the table cannot be written to it.

    Example:
        ```python
        from prefect_openai_batch import collect_job

        report = collect_job("reviews", storage="jobs")  # its key and storage, as its run had them
        print(report.outcomes)
        ```
    """
    run = current_run()
    check_wait(options.wait, run)
    job = keep_destination(find_job(job_key, storage), _checked(destination, begun_at(run)))
    if job.report() is None:
        job.stop("ended", "The job was ended before this row was sent.")
    job = keep_deadline(job, options.deadline(begun_at(run)))
    return run_to_its_state(JobRun(job, options, credentials), 0)  # type: ignore[return-value]  # as above


def find_job(job_key: str, storage: str | None) -> Job:
    """The job of this key, spaces around which are none of it.

    Raises:
        JobKeyError: it is no job's key.
        StorageNotShared: there is none in the storage.
        Refused: the storage is a relative path, and the run is deployed.
    """
    place, key = storage or default_storage(), with_schedule(job_key.strip(), begun_at(current_run()))
    check_places(storage=place)
    check_job_key(key)
    folder = storage_folder(place) / key
    if not folder.exists():
        raise StorageNotShared(
            f"There is no job {key!r} in {place}: its key is misspelt, or it is in another storage. Every worker "
            "of a job needs the same storage: give `storage` as a URL that all of them reach.",
            folder=folder.url,
        )
    return load_job(folder.url)


def _checked(destination: Destination | None, begun: datetime) -> Destination | None:
    """The destination of a run that was to start then.

    Raises:
        DestinationError: it is a relative path, and the run is deployed.
    """
    called = scheduled_destination(destination, begun)
    check_places(destination=path_written(called))
    return called
