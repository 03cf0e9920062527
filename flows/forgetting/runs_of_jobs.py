"""The flow runs of one job, and which of them are at work, as far as Prefect's server knows."""

from collections.abc import Iterator

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType

from ...batch.storage.folders import Folder
from ..runs import may_be_for

FLOWS = ["openai-batch", "openai-batch-form", "openai-batch-resume", "openai-batch-collect"]
"""What moves a job on."""

AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]

PAGE = 200
"""Prefect's server gives at most so many runs a call."""


def runs_at_work(client: SyncPrefectClient, job_folder: Folder) -> list[FlowRun]:
    """The runs that somebody has in hand, or that wait suspended."""
    at_work = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=AT_WORK)))
    return [run for run in _runs(client, at_work) if may_be_for(run, job_folder)]


def _runs(client: SyncPrefectClient, wanted: FlowRunFilter) -> Iterator[FlowRun]:
    ours = FlowFilter(name=FlowFilterName(any_=FLOWS))
    for offset in range(0, 100 * PAGE, PAGE):
        found = client.read_flow_runs(flow_filter=ours, flow_run_filter=wanted, limit=PAGE, offset=offset)
        yield from found
        if len(found) < PAGE:
            break
