"""Our automations on Prefect's server: what is there is made equal to what is wanted."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from uuid import UUID

from prefect.automations import AutomationCore
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.automations import Automation
from prefect.exceptions import FlowPauseTimeout, NotPausedError, ObjectNotFound
from prefect.flow_runs import resume_flow_run

from ..batch.errors import OpenAIBatchError
from ..blocks.prefect_calls import at_once
from ..flows.suspension.waiting_runs import waiting_runs
from .automations import PREFIX, STARTED, WAKE, Times, make_automations

PAGE = 200
"""Prefect's server gives at most so many automations a call."""

USUAL = Times()


class DeploymentMissing(OpenAIBatchError):
    """A deployment that an automation starts is not on the server; details: `names`."""


@dataclass(frozen=True)
class Change:
    """What was done about an automation."""

    name: str
    done: Literal["created", "updated", "unchanged", "removed"]


def wanted_automations(client: SyncPrefectClient, times: Times = USUAL) -> list[AutomationCore]:
    """Our automations, with the ids of the deployments on the server.

    Where the schedule of `wake` is on, which looks at all jobs at once, there are none that start a look for each.

    Raises:
        DeploymentMissing: a deployment that they start is not there.
    """
    found = {name: _deployment(client, name) for name in STARTED}
    missing = [name for name, deployment in found.items() if deployment is None]
    if missing:
        command = ["prefect --no-prompt deploy --prefect-file", str(Path(__file__).with_name("prefect.yaml"))]
        names = [f"--name {name.rpartition('/')[2]}" for name in missing]
        raise DeploymentMissing(
            f"There is no deployment {' and no '.join(missing)}. Deploy what is missing, then install again:\n"
            + " ".join(command + names),
            names=missing,
        )
    if _is_scheduled(client, WAKE):
        times = replace(times, looks=())
    return list(make_automations({name: id_ for name, id_ in found.items() if id_}, times))


def install_automations(times: Times = USUAL) -> list[Change]:
    """Create our automations, or update those that differ, by name; others with our prefix are removed.

    One that somebody has paused stays paused. A timer starts with a suspension, and ends when its automation is
    updated: runs that are suspended already need `resume_waiting` then.

    Raises:
        DeploymentMissing: a deployment that they start is not there; nothing is changed.
    """
    with get_client(sync_client=True) as client:
        wanted = wanted_automations(client, times)
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
    found = next((one for one in there if one.name == wanted.name), None)
    if found is None:
        client.create_automation(wanted)
        return Change(wanted.name, "created")
    there.remove(found)
    fields = wanted.model_dump(exclude={"owner_resource"}) | {"enabled": found.enabled}
    if found.model_dump(include=set(fields)) == fields:
        return Change(wanted.name, "unchanged")
    client.update_automation(found.id, AutomationCore.model_validate(fields))
    return Change(wanted.name, "updated")


def _remove(client: SyncPrefectClient, automations: list[Automation]) -> list[Change]:
    for automation in automations:
        client.delete_automation(automation.id)
    return [Change(automation.name, "removed") for automation in automations]


def _ours(client: SyncPrefectClient) -> Iterator[Automation]:
    offset = 0
    while page := client.read_automations(limit=PAGE, offset=offset):
        yield from (automation for automation in page if automation.name.startswith(PREFIX))
        offset += PAGE


def _is_scheduled(client: SyncPrefectClient, name: str) -> bool:
    try:
        deployment = client.read_deployment_by_name(name)
    except ObjectNotFound:
        return False
    return not deployment.paused and any(schedule.active for schedule in deployment.schedules)


def _deployment(client: SyncPrefectClient, name: str) -> UUID | None:
    try:
        return client.read_deployment_by_name(name).id
    except ObjectNotFound:
        return None
