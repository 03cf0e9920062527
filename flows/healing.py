"""What automations start when a run of ours has crashed, or was cancelled where no hook runs."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Crashed

from .cancellation import Log, end_cancelled_job, go_on_by_another
from .defaults import begun_at, current_run
from .runs import TAG
from .shown.run_names import add_to_name, run_name
from .suspension.looks import NO_LOOK

SETTLED = timedelta(seconds=10)
"""A worker reports a crash twice, some seconds apart; the second report overwrites a retry in between."""

LATE_EVENTS = timedelta(seconds=30)
"""So late, at most, an automation hears of what a run does."""

JOB_FLOWS = ("openai-batch", "openai-batch-form", "openai-batch-resume")
"""The flows whose cancelled runs are ended. A cancelled collector stays cancelled, or nobody could stop it."""

AT_WORK = (StateType.PENDING, StateType.RUNNING)
"""States of a run that somebody has in hand."""

VANISHED = "There was no sign of life of it for long: its process is gone."
"""The message of a crash that nobody reported."""

WITHOUT_PROCESS = (StateType.PAUSED, StateType.SCHEDULED, StateType.PENDING)
"""States in which a cancelled run has no process, and so nobody calls its hook."""


TIMED_OUT = "Flow run cancellation timed out"
"""So Prefect's server begins its message of a run that nobody else has marked as cancelled for minutes."""

NO_DEPLOYMENT = "no longer exists, cancelled run."
"""So a worker ends its message of a run that it was to start, and whose deployment somebody has deleted."""

NO_SLOT = "Deployment concurrency limit reached."
"""Prefect's message of a run for which its deployment's limit has no slot, where that says CANCEL_NEW."""


@flow(name="openai-batch-heal", flow_run_name=run_name)
def heal_run(flow_run_id: UUID, at_most: int = 5) -> None:
    """Look after a run of ours that has crashed, or of which nothing has been heard for long.

    A crashed run is retried, unless it crashes again and again. One that seems to be at work is taken for crashed,
    unless it went to work since this run was asked for. One that is suspended has missed its look: it is resumed,
    unless no timer looks after it any more.

    Args:
        flow_run_id: The run's id.
        at_most: How many crashes in a row are retried. A suspension ends a row: the run had done all it could.

    Example:
        ```python
        from uuid import UUID
        from prefect_openai_batch import heal_run

        heal_run(UUID("06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21"))  # the id as the run's page shows it
        ```
    """
    log = get_run_logger()
    with get_client(sync_client=True) as client:
        run = _run_of_ours(client, flow_run_id)
        if run is None or run.state is None or not needs_help(run.state):
            log.info("Flow run %s needs no help", flow_run_id)
        elif goes_on(run.state, begun_at(current_run())):
            log.info("Flow run %s (%s) goes on already", run.name, run.id)
        elif run.state.type == StateType.PAUSED:
            client.resume_flow_run(run.id)
            log.info("Flow run %s (%s) is resumed", run.name, run.id)
        else:
            if run.state.type in AT_WORK:
                client.set_flow_run_state(run.id, Crashed(message=VANISHED), force=True)
            _retry(client, run, at_most, log)


def needs_help(state: State[Any]) -> bool:
    """Whether a run is to go on by itself that is in this state."""
    if state.type == StateType.PAUSED:
        return not (state.message or "").endswith(NO_LOOK)
    return state.type in (*AT_WORK, StateType.CRASHED)


def _retry(client: SyncPrefectClient, run: FlowRun, at_most: int, log: Log) -> None:
    """Retry a run, if it is crashed still and has not crashed too often."""
    states = _settled_states(client, run)
    if not states or states[-1].type != StateType.CRASHED:
        log.info("Flow run %s (%s) goes on already", run.name, run.id)
        return
    crashed = crashes(states)
    if crashed > at_most:
        log.error(
            "Flow run %s (%s) has crashed %d times and is left as it is: see its log and its worker's. What "
            "its batches have finished is kept; `prefect flow-run retry %s` goes on.",
            *(run.name, run.id, crashed, run.id),
        )
        return
    message = f"Retried after crash {crashed} of {at_most} that are retried."
    client.set_flow_run_state(run.id, AwaitingRetry(message=message), force=True)
    log.info("Flow run %s (%s) is retried after crash %d", run.name, run.id, crashed)


def goes_on(state: State[Any], asked: datetime) -> bool:
    """Whether a run went to work after help for it was asked for: then it was taken up meanwhile.

    Args:
        state: Its state now.
        asked: When an automation had heard nothing of it for long.
    """
    return state.type in AT_WORK and state.timestamp > asked - LATE_EVENTS


@flow(name="openai-batch-collect-cancelled", flow_run_name=run_name)
def collect_cancelled_run(flow_run_id: UUID) -> None:
    """End the job of a run that was cancelled while it was suspended, or whose process was gone, as its hook does.

    One that Prefect has cancelled by itself, as its deployment is there no more or has no slot for it, goes on by
    another run: nobody wanted its job to end. One that never began has no job.

    Args:
        flow_run_id: The run's id.

    Example:
        ```python
        from uuid import UUID
        from prefect_openai_batch import collect_cancelled_run

        collect_cancelled_run(UUID("06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21"))  # the id as the run's page shows it
        ```
    """
    log = get_run_logger()
    with get_client(sync_client=True) as client:
        run = _run_of_ours(client, flow_run_id)
        of_a_job = run is not None and client.read_flow(run.flow_id).name in JOB_FLOWS
        states = _states(client, flow_run_id) if of_a_job else []
    if run is None or not cancelled_without_process(states):
        log.info("Flow run %s is none of ours that was cancelled without a process: nothing is done", flow_run_id)
    elif (states[-1].message or "").endswith((NO_DEPLOYMENT, NO_SLOT)):
        if go_on_by_another(run, log):
            log.warning("Prefect has cancelled flow run %s (%s): its job goes on by another", run.name, run.id)
    elif end_cancelled_job(run, log):
        log.info("The job of flow run %s (%s) is ended", run.name, run.id)
    else:
        log.info("Flow run %s (%s) has no unfinished job: nothing is done", run.name, run.id)


def crashes(states: Iterable[State[Any]]) -> int:
    """How often a run has crashed since it was last suspended; reports of a crash within seconds are one.

    Args:
        states: The run's states, the oldest first.
    """
    count = 0
    reported: datetime | None = None
    for state in states:
        if state.type == StateType.PAUSED:
            count, reported = 0, None
        elif state.type == StateType.CRASHED:
            count += reported is None or state.timestamp - reported >= SETTLED
            reported = state.timestamp
    return count


def cancelled_without_process(states: list[State[Any]]) -> bool:
    """Whether a run was cancelled while it had no process, or its process was gone and has not ended it in time.

    Args:
        states: The run's states, the oldest first.
    """
    if len(states) < 2 or states[-1].type != StateType.CANCELLED:
        return False
    return states[-2].type in WITHOUT_PROCESS or (states[-1].message or "").startswith(TIMED_OUT)


def _run_of_ours(client: SyncPrefectClient, flow_run_id: UUID) -> FlowRun | None:
    """The run, if it is there still and bears our tag."""
    try:
        run = client.read_flow_run(flow_run_id)
    except ObjectNotFound:
        return None
    if TAG not in run.tags:
        return None
    add_to_name(run.name)
    return run


def _states(client: SyncPrefectClient, flow_run_id: UUID) -> list[State[Any]]:
    return sorted(client.read_flow_run_states(flow_run_id), key=lambda state: state.timestamp)


def _settled_states(client: SyncPrefectClient, run: FlowRun) -> list[State[Any]]:
    """The run's states, once no second report of its last crash is to be expected."""
    states = _states(client, run.id)
    while states and states[-1].type == StateType.CRASHED:
        left = states[-1].timestamp + SETTLED - datetime.now(UTC)
        time.sleep(max(0.0, min(left, SETTLED).total_seconds()))
        before, states = states[-1], _states(client, run.id)
        if states[-1].id == before.id:
            break
    return states
