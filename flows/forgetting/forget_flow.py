"""Forget a job: its folder, what is left of it at OpenAI, and what Prefect shows of its rows."""

from collections.abc import Sequence

from prefect import flow, get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client

from ...batch import clock
from ...batch.errors import DestinationError, JobAtWork, JobKeyError
from ...batch.files.batches import Batch
from ...batch.forgetting.forgotten_folders import (
    begin_to_forget,
    is_half_forgotten,
    remove_folder,
    stop_forgetting,
)
from ...batch.forgetting.own_answers import has_table_elsewhere, why_lost_with_folder
from ...batch.jobs.job import JOB, Job
from ...batch.jobs.opening import check_job_key, storage_folder
from ...batch.jobs.report import OTHER_JOBS, command_for
from ...batch.jobs.submissions import fetched, has_claim, submitted
from ...batch.storage.folders import Folder
from ...batch.urls import without_secrets
from ...batch.words import counted
from ...tasks import cancel_job
from ...tasks.clean import has_files_left, remove_all_files
from ...tasks.remote.connection import connect
from ..defaults import default_storage
from ..own_parameters import as_we_take_them
from ..places import check_places
from ..shown.run_names import run_name
from .answers_of_jobs import check_store, forget_answers
from .artifacts_of_jobs import remove_artifacts
from .runs_of_jobs import runs_at_work

NAMED = 10
"""Batches or files that a message names."""

RUNS_STAY = (
    "stays: the flow runs in Prefect, with parameters, logs and results, in which there is no row; "
    "`prefect flow-run delete ID` removes one"
)

EVENTS_STAY = (
    "stays: what the artifacts showed, in Prefect's event feed, until its retention is over "
    "(PREFECT_SERVER_EVENTS_RETENTION_PERIOD, 7 days unless it says otherwise)"
)
"""Prefect's server notes each new version of an artifact as an event, whole; nobody can delete one."""


@as_we_take_them
@flow(name="openai-batch-forget", flow_run_name=run_name)
def forget_job(
    job_key: str,
    *,
    storage: str | None = None,
    credentials: str | None = None,
    results_too: bool = False,
    cancel: bool = False,
    without_store: bool = False,
) -> list[str]:
    """Remove what is kept of a job: its folder, its files at OpenAI, its kept answers, and its artifacts.

    The table at its destination stays, and so do the flow runs, which hold no row. OpenAI goes on listing the
    job's batches, so that its key cannot be used for other rows.

    Args:
        job_key: The job's key.
        storage: The folder or URL that holds the job folders; empty: where they lie by default.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        results_too: Whether answers go too that lie in the job's folder alone, and are lost with it.
        cancel: Whether open batches are cancelled first, and what they have finished is given up.
        without_store: Whether the rest is forgotten also where the job's answer store is gone for good.

    Returns:
        What is removed and what stays, in words, a line each.

    Raises:
        JobKeyError: there is no such job in the storage.
        JobAtWork: batches of it are open, or a run of it is at work.
        DestinationError: its answers lie in its folder alone.
        AccessError: files of it are left at OpenAI, and there is no key to remove them with.
        DatabaseError: its answer store cannot be asked, and nothing is removed; the same call goes on when it can.

    Example:
        ```python
        from prefect_openai_batch import forget_job, openai_batch

        openai_batch("reviews.csv", "label_reviews.yaml", "labelled.csv", job_key="to-forget")
        print(forget_job("to-forget"))
        ```
    """
    place = storage or default_storage()
    check_places(storage=place)
    told = forget(job_key, place, credentials, results_too=results_too, cancel=cancel, without_store=without_store)
    get_run_logger().info("%s", "\n".join(told))
    return told


def forget(
    job_key: str,
    storage: str,
    credentials: str | None,
    *,
    results_too: bool = False,
    cancel: bool = False,
    without_store: bool = False,
) -> list[str]:
    """As the flow does; the folder, which tells of all the rest, goes last."""
    folder = find_folder(job_key, storage)
    gone = f"removed: the job folder {without_secrets(folder.url)}"
    job = folder.read(JOB, Job)
    if job is None:
        remove_folder(folder)
        return [gone]
    check_store(job, without_store=without_store)
    if is_half_forgotten(folder):
        answers = forget_answers(job, without_store=without_store)
        remove_folder(folder)
        return [gone, *answers]
    with get_client(sync_client=True) as client:
        check_can_be_forgotten(client, job, results_too=results_too, cancel=cancel)
        left = _remove_remote_files(job, credentials, cancel=cancel)
        artifacts = remove_artifacts(client, job)
        _note_it(client, job)
    answers = forget_answers(job, without_store=without_store)
    has_table = has_table_elsewhere(job)
    remove_folder(folder)
    told = {
        gone: True,
        **dict.fromkeys(answers, True),
        f"removed: {counted(artifacts, 'artifact')} in Prefect": artifacts,
        f"stays: the table {without_secrets(job.table)}": has_table,
        f"stays: {_named(left)} at OpenAI, which this key may not delete; they expire by themselves": left,
        EVENTS_STAY: artifacts,
        RUNS_STAY: True,
    }
    return sorted((line for line, is_so in told.items() if is_so), key=lambda line: line.startswith("stays: "))


def find_folder(job_key: str, storage: str) -> Folder:
    """The folder of the job of this key.

    Raises:
        JobKeyError: there is none in the storage.
    """
    check_job_key(job_key)
    place = storage_folder(storage)
    folder = place / job_key
    if not (folder.exists(JOB) or is_half_forgotten(folder)):
        raise JobKeyError(
            f"There is no job {job_key!r} in {place.url}: {OTHER_JOBS}",
            job_key=job_key,
        )
    return folder


def check_can_be_forgotten(client: SyncPrefectClient, job: Job, *, results_too: bool, cancel: bool) -> None:
    """Refuse to forget what is at work, is paid for and not fetched, or lies nowhere else; nothing is removed.

    Raises:
        JobAtWork: batches are open, and are not to be cancelled, or a run is at work.
        DestinationError: answers lie in the folder alone, and are not to go too.
    """
    unsettled = [file for file in job.input_files() if has_claim(file) and not (fetched(file) or submitted(file))]
    opened = [batch.id for batch in job.open_batches()] + [f"one of {file.name}" for file in unsettled]
    if opened and not cancel:
        raise JobAtWork(
            f"The job {job.key!r} has batches open at OpenAI, which are paid for: {_named(opened)}. Fetch what "
            f"they give by {command_for('resume', job.folder)}, or give it up by "
            f"{command_for('forget', job.folder, '--cancel')}.",
            job_key=job.key,
            batches=opened,
        )
    _refuse_at_work(client, job)
    lost = why_lost_with_folder(job)
    if lost and not results_too:
        raise DestinationError(
            f"The job {job.key!r} is not forgotten. {lost} Or forget them too: --yes, `results_too=True`.",
            path=job.destination,
        )


def _refuse_at_work(client: SyncPrefectClient, job: Job) -> None:
    runs = runs_at_work(client, job.files)
    if runs:
        raise JobAtWork(
            f"The job {job.key!r} is at work, as far as Prefect knows: the flow run {runs[0].name!r} is "
            f"{runs[0].state_name}. Wait for its end or cancel it; where its process is gone, "
            f"`prefect flow-run delete {runs[0].id}` removes what Prefect knows of it.",
            job_key=job.key,
            flow_runs=[str(run.id) for run in runs],
        )


def _note_it(client: SyncPrefectClient, job: Job) -> None:
    """Note that the folder is being removed, unless somebody went to work since that was asked.

    Whoever begins is at work in Prefect before the note is looked for: one of both sees the other.
    """
    begin_to_forget(job.files)
    try:
        _refuse_at_work(client, job)
    except JobAtWork:
        stop_forgetting(job.files)
        raise


def _remove_remote_files(job: Job, credentials: str | None, *, cancel: bool) -> list[str]:
    """Delete what is left of a job at OpenAI; the ids of the files that the key may not delete."""
    ended = _cancelled(job, credentials) if cancel else []
    if not has_files_left(job):
        return []
    with connect(credentials) as connection:
        return remove_all_files(connection, job, ended)


def _cancelled(job: Job, credentials: str | None) -> list[Batch]:
    """The batches of a job, all of which have ended; the others are cancelled.

    Raises:
        JobAtWork: some have not ended yet.
    """
    job.stop("cancelled", "The job was cancelled before this row was sent.")
    batches = cancel_job.fn(job, credentials=credentials)
    waited_for = [batch.id for batch in batches if not batch.has_ended(clock.now())]
    if waited_for:
        raise JobAtWork(
            f"The batches of the job {job.key!r} are being cancelled, which takes OpenAI 10 to 47 minutes: "
            f"{_named(waited_for)}. Then the same call again forgets the job.",
            job_key=job.key,
            batches=waited_for,
        )
    return batches


def _named(names: Sequence[str]) -> str:
    return f"{', '.join(names[:NAMED])}{', …' if len(names) > NAMED else ''}"
