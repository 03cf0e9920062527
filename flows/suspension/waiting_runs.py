"""The runs that wait suspended, and what tells them that a batch has ended."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, StateType

from ..runs import TAG, options_of

BATCH_ENDED = "openai-batch.batch-ended"
"""The event that a batch of a suspended run has ended; the run is its resource."""

PAGE = 200
"""Prefect's server gives at most so many runs a call."""

OVERLAP = 50
"""So many runs may leave these states between two calls, and move the others up, without one being passed over."""


def waiting_runs(states: Sequence[StateType] = (StateType.PAUSED,)) -> Iterator[FlowRun]:
    """The runs of ours that wait suspended, in as few calls as there are.

    Args:
        states: The types of states in which they are now; a suspended run's is PAUSED.
    """
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[TAG]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))),
    )
    known: set[UUID] = set()
    with get_client(sync_client=True) as client:
        offset = 0
        while found := client.read_flow_runs(flow_run_filter=wanted, limit=PAGE, offset=offset):
            yield from (run for run in found if run.id not in known and options_of(run).wait == "suspend")
            known.update(run.id for run in found)
            if len(found) < PAGE:
                break
            offset += PAGE - OVERLAP
