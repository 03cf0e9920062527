"""The flow runs of jobs, as Prefect's server knows them."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from pydantic import ValidationError

from ..batch.errors import Refused
from ..batch.jobs.job import Job
from ..batch.jobs.options import USUAL, RunOptions, Wait
from ..batch.storage.folders import Folder
from ..batch.storage.locations import absolute
from ..batch.urls import without_secrets
from ..blocks.references import name_at
from .defaults import begun_at, default_job_key, default_storage, with_schedule
from .places import is_relative

TAG = "openai-batch"
"""What our deployments tag their runs with: every automation of ours is limited to it."""

BEGUN = (StateType.RUNNING, StateType.PAUSED)
"""States that only a run has which has begun; a suspended one is paused."""

RESUMER = "openai-batch-resume/resume"
"""The deployment of `resume_job`."""


def way_on(job: Job, credentials: str | None) -> str:
    """How a job is taken up again with the same account, in Prefect's UI and on the command line."""
    storage = storage_of(job)
    place = "" if storage == default_storage() else f" --storage {without_secrets(storage)}"
    field, option = (
        (f" and credentials {credentials}", f" --credentials {credentials}") if credentials else ("", "")
    )
    return (
        f"the deployment {RESUMER} with job key {job.key}{field}, or "
        f"`prefect-openai-batch resume {job.key}{place}{option}`"
    )


def storage_of(job: Job) -> str:
    """Where a job's folder lies, among others."""
    return job.files.url.rpartition("/")[0]


def parameters_of(job: Job, credentials: str | None) -> dict[str, str | None]:
    """What a flow that takes a job up again is given to find it."""
    return {"job_key": job.key, "storage": storage_of(job), "credentials": credentials}


def wait_of(*, suspend: bool) -> Wait:
    """Where a run waits that the form has started; its parameter `suspend` is one of two ways."""
    return "suspend" if suspend else "sensor"


def credentials_of(run: FlowRun) -> str | None:
    """The name of the credentials block that a flow run asks OpenAI with; None for those of the environment.

    The form's runs have the block itself as their parameter `account`, by reference.

    Raises:
        AccessError: that block is there no more.
    """
    account = run.parameters.get("account")
    return name_at(account) if account else run.parameters.get("credentials")


def job_key_of(run: FlowRun) -> str:
    """The key of the job that a flow run is for."""
    given = run.parameters.get("job_key")
    return with_schedule(given.strip(), begun_at(run)) if given else default_job_key(run)


def job_of(run: FlowRun, usual_storage: str | None = None) -> Job | None:
    """The job that a flow run has begun, found by its parameters; None where it has begun none.

    Args:
        run: The flow run.
        usual_storage: The storage of those that name none; None asks Prefect for it.
    """
    storage = run.parameters.get("storage") or usual_storage or default_storage()
    return (Folder(storage) / job_key_of(run)).read("job.json", Job)


def has_begun(run_id: UUID) -> bool:
    """Whether a flow run was ever at work, by its states: who has it in hand may know it as it was before."""
    with get_client(sync_client=True) as client:
        return any(state.type in BEGUN for state in client.read_flow_run_states(run_id))


def may_be_for(run: FlowRun, job_folder: Folder) -> bool:
    """Whether a flow run is for the job of a folder; what its relative path is relative to, nobody knows."""
    place, _, key = job_folder.url.rpartition("/")
    try:
        if job_key_of(run) != key:
            return False
    except Refused:  # its key names a time zone that there is not
        return False
    storage = run.parameters.get("storage") or default_storage()
    return is_relative(storage) or absolute(storage).rstrip("/") == place


def options_of(run: FlowRun) -> RunOptions:
    """What a flow run wishes; a run of another flow, or with options that are none, what most do.

    Of the form's few parameters one says how it waits, and how many batches are open at once is as most want it.
    """
    in_the_form = {"wait": wait_of(suspend=bool(run.parameters.get("suspend")))}
    try:
        return RunOptions.model_validate(run.parameters.get("options") or in_the_form)
    except (ValidationError, Refused):  # a password among them is the latter
        return USUAL
