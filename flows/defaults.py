"""What a run takes from its surroundings: its schedule, its id, the team's storage."""

import re
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.settings import get_current_settings
from prefect.variables import Variable

from ..batch import clock

STORAGE_VARIABLE = "openai_batch_storage"
"""The Prefect variable that names a team's storage."""

_SCHEDULED = re.compile(r"\{scheduled(?::([^{}]*))?\}")


def default_storage() -> str:
    """The Prefect variable `openai_batch_storage`, else a folder in PREFECT_HOME."""
    named = Variable.get(STORAGE_VARIABLE)
    return str(named) if named else str(get_current_settings().home / "openai-batch")


def current_run() -> FlowRun:
    """The flow run that this is called in."""
    context = FlowRunContext.get()
    assert context is not None, "asked for within a flow run"
    assert context.flow_run is not None, "a flow run's context holds the run"
    return context.flow_run


def default_job_key(run: FlowRun) -> str:
    """The flow run's id: a retry of the run continues the job, another run is another job.

    In a subflow it is the id of the parent's task run for it: where a subflow has failed, a retry of the parent
    makes a new run of it, under the same task run.
    """
    return str(run.parent_task_run_id or run.id)


def begun_at(run: FlowRun) -> datetime:
    """When a run was to start; a retry of it does not change that."""
    return run.expected_start_time or datetime.fromtimestamp(clock.now(), UTC)


def with_schedule(text: str, begun: datetime) -> str:
    """`text` with `{scheduled:%Y-%m-%d}` replaced by the run's scheduled time in UTC, in any strftime form."""
    at = begun.astimezone(UTC)
    return _SCHEDULED.sub(lambda found: at.strftime(found.group(1) or "%Y-%m-%d"), text)
