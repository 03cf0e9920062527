"""Whether a run may suspend, and when it had better stay awake."""

from datetime import datetime

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitStrategy, FlowRun

from ...batch import clock
from ...batch.errors import WaitError
from ...batch.jobs.options import Wait
from ..runs import TAG

AWAKE_SECONDS = 900.0
"""So long before a deadline a run suspends no more: what would wake it may come ten minutes late."""


def waits_here(wait: Wait, until: datetime | None) -> bool:
    """Whether a run waits in its own process.

    Args:
        wait: What it wishes.
        until: When it has something to do next, whatever becomes of its batches.
    """
    near = until is not None and until.timestamp() - clock.now() < AWAKE_SECONDS
    return wait == "sensor" or (wait == "suspend" and near)


def check_wait(wait: Wait, run: FlowRun) -> None:
    """Refuse to suspend a run that nothing would wake again.

    Raises:
        WaitError: the run is a subflow's or has no deployment, ours has not its tag, or the deployment's limit
            would cancel a run that wakes.
    """
    if wait != "suspend":
        return
    if run.parent_task_run_id is not None:
        raise _refused("a subflow cannot be suspended")
    if run.deployment_id is None:
        raise _refused("a run without a deployment cannot be suspended, for no worker would take it up again")
    if TAG not in run.tags:
        raise _refused(f"nothing wakes a run without the tag {TAG!r}: give it to the deployment")
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment(run.deployment_id)
    options = deployment.concurrency_options if deployment.global_concurrency_limit else None
    if options and options.collision_strategy == ConcurrencyLimitStrategy.CANCEL_NEW:
        raise _refused(
            "its deployment's concurrency limit cancels a run that wakes while another runs: set the limit's "
            "collision strategy to ENQUEUE"
        )


def _refused(why: str) -> WaitError:
    return WaitError(f'This run cannot wait by wait="suspend": {why}. Or use wait="sensor", which works anywhere.')
