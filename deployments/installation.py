"""Our automations on Prefect's server: what is there is made equal to what is wanted."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.events.schemas.automations import Automation
from prefect.exceptions import FlowPauseTimeout, NotPausedError, ObjectNotFound
from prefect.flow_runs import resume_flow_run

from ..batch.errors import OpenAIBatchError
from ..blocks.prefect_calls import at_once
from ..flows.suspension.waiting_runs import waiting_runs
from .automations import NO_SIGN_OF_LIFE, PREFIX, STARTED, WAKE, Times, make_automations

PAGE = 200
"""Prefect's server gives at most so many automations a call."""

USUAL = Times()

BEHIND_WAKE_SECONDS = 21_600.0
"""Where `wake` looks at all jobs, a run is looked at last so long after its suspension: each time is a process."""

WAKE_SECONDS = 600.0
"""So long after its last run began `wake` may begin anew, whatever became of that run."""

NOBODY = UUID(int=0)
"""The id of a deployment that is still to come."""


class DeploymentMissing(OpenAIBatchError):
    """A deployment that an automation starts is not on the server; details: `names`."""


@dataclass(frozen=True)
class Change:
    """What was done about an automation, and whether it is switched on: people may switch it off."""

    name: str
    done: Literal["created", "updated", "unchanged", "removed"]
    enabled: bool = True


def wanted_automations(client: SyncPrefectClient, times: Times = USUAL) -> list[AutomationCore]:
    """Our automations, with the ids of the deployments on the server.

    Where the schedule of `wake` is on, which looks at all jobs at once, there are none that start a look for each.

    Raises:
        DeploymentMissing: a deployment that they start is not there.
    """
    found = {name: _deployment(client, name) for name in STARTED}
    missing = [name for name, deployment in found.items() if deployment is None]
    if missing:
        raise DeploymentMissing(
            f"There is no deployment {' and no '.join(missing)}. This deploys what is missing, and installs the "
            "automations too:\nprefect-openai-batch deploy",
            names=missing,
        )
    return _wanted(client, {name: id_ for name, id_ in found.items() if id_}, times)


def compare_automations(times: Times = USUAL) -> list[Change]:
    """What an installation would do; nothing is changed. What they start may still be missing."""
    with get_client(sync_client=True) as client:
        found = {name: _deployment(client, name) or NOBODY for name in STARTED}
        there = list(_ours(client))
        changes = [_compare(automation, there) for automation in _wanted(client, found, times)]
        names = {change.name for change in changes}
        return changes + [Change(one.name, "removed") for one in there if one.name not in names]


def chosen_times() -> Times:
    """How long our automations wait on the server: the usual times, but for the one that people choose."""
    with get_client(sync_client=True) as client:
        there = next((one for one in _ours(client) if one.name == PREFIX + NO_SIGN_OF_LIFE), None)
    if there is None or not isinstance(there.trigger, EventTrigger):
        return USUAL
    return replace(USUAL, lost=there.trigger.within.total_seconds())


def install_automations(times: Times = USUAL) -> list[Change]:
    """Create our automations, or update those that differ, by name; others with our prefix are removed.

    One that somebody has paused stays paused. A timer starts with a suspension, and ends when its automation is
    updated: runs that are suspended already need `resume_waiting` then.

    The one slot of `wake` is made to come back by itself: Prefect's server keeps who holds it in memory, so where
    both are killed nobody would give it back, and nothing would wake.

    Raises:
        DeploymentMissing: a deployment that they start is not there; nothing is changed.
    """
    with get_client(sync_client=True) as client:
        wanted = wanted_automations(client, times)
        _let_slots_come_back(client, WAKE)
        there = list(_ours(client))
        changes = [_install(client, automation, there) for automation in wanted]
        return changes + _remove(client, there)


def remove_automations() -> list[Change]:
    """Remove every automation of ours, known by the prefix of its name."""
    with get_client(sync_client=True) as client:
        return _remove(client, list(_ours(client)))


def resume_waiting() -> list[str]:
    """Resume the runs of ours that are suspended; the names of those. Each looks, and suspends itself again."""
    resumed = []
    for run in list(waiting_runs()):
        with suppress(NotPausedError, FlowPauseTimeout, RuntimeError):  # it goes on already
            at_once(resume_flow_run, run.id)
            resumed.append(run.name)
    return resumed


def _install(client: SyncPrefectClient, wanted: AutomationCore, there: list[Automation]) -> Change:
    """Make one automation what it is to be, and take it off the list of those that are there."""
    change = _compare(wanted, there)
    found = _named(wanted, there)
    if found is None:
        client.create_automation(wanted)
        return change
    there.remove(found)
    if change.done == "updated":
        client.update_automation(found.id, AutomationCore.model_validate(_fields(wanted, found)))
    return change


def _compare(wanted: AutomationCore, there: list[Automation]) -> Change:
    """What is to be done so that an automation is as it is to be."""
    found = _named(wanted, there)
    if found is None:
        return Change(wanted.name, "created")
    fields = _fields(wanted, found)
    is_equal = found.model_dump(include=set(fields)) == fields
    return Change(wanted.name, "unchanged" if is_equal else "updated", found.enabled)


def _named(wanted: AutomationCore, there: list[Automation]) -> Automation | None:
    return next((one for one in there if one.name == wanted.name), None)


def _fields(wanted: AutomationCore, found: Automation) -> dict[str, Any]:
    """What an automation is to be; whether it is paused is for people to say."""
    return wanted.model_dump(exclude={"owner_resource"}) | {"enabled": found.enabled}


def _wanted(client: SyncPrefectClient, deployments: Mapping[str, UUID], times: Times) -> list[AutomationCore]:
    if _is_scheduled(client, WAKE):
        times = replace(times, looks=(), at_last=BEHIND_WAKE_SECONDS)
    return list(make_automations(deployments, times))


def _remove(client: SyncPrefectClient, automations: list[Automation]) -> list[Change]:
    for automation in automations:
        client.delete_automation(automation.id)
    return [Change(automation.name, "removed") for automation in automations]


def _ours(client: SyncPrefectClient) -> Iterator[Automation]:
    offset = 0
    while page := _page(client, offset):
        yield from (automation for automation in page if automation.name.startswith(PREFIX))
        offset += PAGE


def _page(client: SyncPrefectClient, offset: int) -> list[Automation]:
    """Automations from one on; older clients have no words for that."""
    answer = client.request("POST", "/automations/filter", json={"limit": PAGE, "offset": offset})
    return Automation.model_validate_list(answer.raise_for_status().json())


def _is_scheduled(client: SyncPrefectClient, name: str) -> bool:
    try:
        deployment = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return False
    return not deployment.paused and any(schedule.active for schedule in deployment.schedules)


def _let_slots_come_back(client: SyncPrefectClient, name: str) -> None:
    with suppress(ObjectNotFound):
        limit = client.read_deployment_by_name(name).global_concurrency_limit
        if limit is not None and not limit.slot_decay_per_second:
            decay = GlobalConcurrencyLimitUpdate(slot_decay_per_second=1 / WAKE_SECONDS)
            client.update_global_concurrency_limit(limit.name, decay)


def _deployment(client: SyncPrefectClient, name: str) -> UUID | None:
    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound:
        return None
