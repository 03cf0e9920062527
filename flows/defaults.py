"""What a run takes from its surroundings: its schedule, its id, the team's storage."""

import re
from datetime import UTC, datetime

from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.settings import get_current_settings
from prefect.variables import Variable

STORAGE_VARIABLE = "openai_batch_storage"
"""The Prefect variable that names a team's storage."""

_SCHEDULED = re.compile(r"\{scheduled(?::([^{}]*))?\}")


def default_storage() -> str:
    """The Prefect variable `openai_batch_storage`, else a folder in PREFECT_HOME."""
    named = Variable.get(STORAGE_VARIABLE)
    return str(named) if named else str(get_current_settings().home / "openai-batch")


def default_job_key() -> str:
    """The flow run's id: a retry of the run continues the job, another run is another job.

    In a subflow it is the id of the parent's task run for it: where a subflow has failed, a retry of the parent
    makes a new run of it, under the same task run.
    """
    context = FlowRunContext.get()
    assert context is not None, "asked for within a flow run"
    assert context.flow_run is not None, "a flow run's context holds the run"
    return str(context.flow_run.parent_task_run_id or context.flow_run.id)


def with_schedule(text: str) -> str:
    """`text` with `{scheduled:%Y-%m-%d}` replaced by the run's scheduled time in UTC, in any strftime form."""
    return _SCHEDULED.sub(lambda found: _scheduled().strftime(found.group(1) or "%Y-%m-%d"), text)


def _scheduled() -> datetime:
    return flow_run.get_scheduled_start_time() or datetime.now(UTC)
