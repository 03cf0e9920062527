"""What a run takes from its surroundings: its schedule, its id, the team's storage."""

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import orjson
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.settings import get_current_settings

from ..batch import clock
from ..batch.errors import Refused
from ..batch.jobs.deadlines import zone_named

STORAGE_VARIABLE = "openai_batch_storage"
"""The Prefect variable that names a team's storage."""

DATABASE = "prefect.db"
"""The file in PREFECT_HOME in which Prefect's own server keeps everything."""

_SCHEDULED = re.compile(
    r"""\{scheduled
        (?: :(?P<form>[^{}]*?) (?:(?:\s+|(?<=:))(?P<zone>UTC|[A-Za-z][\w+-]*(?:/[\w+-]+)+))? )?
    \}""",
    re.VERBOSE,
)


ANSWERS_VARIABLE = "openai_batch_answers"
"""The Prefect variable that names a team's answer store."""


def default_storage() -> str:
    """The Prefect variable `openai_batch_storage`, else a folder in PREFECT_HOME."""
    return _storage(_variable(STORAGE_VARIABLE))


def team_store() -> str:
    """The Prefect variable `openai_batch_answers`; empty where there is none."""
    return str(_variable(ANSWERS_VARIABLE) or "")


def _variable(name: str) -> object:
    with get_client(sync_client=True) as client:
        found = client.read_variable_by_name(name)
    return found and found.value


def storage_without_server() -> str:
    """The same where no server is named: the variable is read from the file that Prefect's own server would open.

    To start one takes ten seconds, and a command that is refused needs none. Where the file is not to be read, it
    is asked all the same.
    """
    return _storage(_variable_without_server(STORAGE_VARIABLE))


def team_store_without_server() -> str:
    """The team's answer store, read in the same way."""
    return str(_variable_without_server(ANSWERS_VARIABLE) or "")


def _variable_without_server(name: str) -> object:
    home = get_current_settings().home
    try:
        with closing(sqlite3.connect(f"{(home / DATABASE).as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT value FROM variable WHERE name = ?", [name]).fetchone()
    except sqlite3.Error:
        return _variable(name) if (home / DATABASE).exists() else None
    return None if found is None else orjson.loads(found[0])


def _storage(named: object) -> str:
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


def began_before(run: FlowRun) -> bool:
    """Whether a run was at work before: it is retried, was resumed, or is part of a run that was.

    Where that was on another machine, what it sent stands in no folder here.
    """
    if run.state is None or run.start_time != run.state.timestamp:
        return True
    if run.parent_task_run_id is None:
        return False
    with get_client(sync_client=True) as client:
        part = client.read_task_run(run.parent_task_run_id)
        return part.flow_run_id is not None and began_before(client.read_flow_run(part.flow_run_id))


def begun_at(run: FlowRun) -> datetime:
    """When a run was to start; a retry of it does not change that."""
    return run.expected_start_time or datetime.fromtimestamp(clock.now(), UTC)


def with_schedule(text: str, begun: datetime) -> str:
    """`text` with `{scheduled:%Y-%m-%d}` replaced by the run's scheduled time, in any strftime form.

    The day is that of the zone named at its end, as in `{scheduled:%Y-%m-%d Europe/Berlin}`, else UTC's. The
    schedule's own zone is not asked for: it may be edited before a retry, whose job would then be another.

    Raises:
        Refused: there is no such time zone.
    """

    def written(found: re.Match[str]) -> str:
        try:
            at = begun.astimezone(zone_named(found["zone"] or "UTC"))
        except ValueError as error:
            raise Refused(f"{found[0]}: {error}. Name one such as Europe/Berlin, or none for UTC.") from None
        return at.strftime(found["form"] or "%Y-%m-%d")

    return _SCHEDULED.sub(written, text)
