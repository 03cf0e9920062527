"""The flow runs of jobs, as Prefect's server knows them."""

from collections.abc import Iterator, Sequence

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType

from ..batch.jobs.job import Job
from ..batch.storage import Folder
from .defaults import begun_at, default_job_key, default_storage, with_schedule

TAG = "openai-batch"
"""What our deployments tag their runs with: every automation of ours is limited to it."""

BATCH_ENDED = "openai-batch.batch-ended"
"""The event that a batch of a suspended run has ended; the run is its resource."""

PAGE = 200
"""Prefect's server gives at most so many runs a call."""


def job_key_of(run: FlowRun) -> str:
    """The key of the job that a flow run is for."""
    given = run.parameters.get("job_key")
    return with_schedule(given, begun_at(run)) if given else default_job_key(run)


def job_of(run: FlowRun) -> Job | None:
    """The job that a flow run has begun, found by its parameters; None where it has begun none."""
    storage = run.parameters.get("storage") or default_storage()
    return (Folder(storage) / job_key_of(run)).read("job.json", Job)


def waiting_runs(states: Sequence[StateType] = (StateType.PAUSED,)) -> Iterator[FlowRun]:
    """The runs of ours that wait suspended, in as few calls as there are.

    Args:
        states: The types of states in which they are now; a suspended run's is PAUSED.
    """
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
    )
    with get_client(sync_client=True) as client:
        offset = 0
        while found := client.read_flow_runs(flow_run_filter=wanted, limit=PAGE, offset=offset):
            yield from (run for run in found if run.parameters.get("wait") == "suspend")
            offset += PAGE
