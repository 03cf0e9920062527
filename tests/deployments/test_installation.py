"""Installing our automations, by the command that a person types."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect_openai_batch.deployments.automations import NO_SIGN_OF_LIFE, PREFIX, Times
from prefect_openai_batch.deployments.installation import (
    WAKE_SECONDS,
    install_automations,
    remove_automations,
)
from prefect_openai_batch.flows.runs import TAG

from ..conftest import BIN
from .support import deployment

pytestmark = pytest.mark.server

CREATED = ("name", "enabled", "trigger", "actions")
"""What one says of an automation to create it."""


@pytest.fixture(autouse=True)
def removed(deployed: dict[str, Any]) -> Iterator[None]:
    """Other tests' runs are not to be woken."""
    yield
    remove_automations()


def test_installing_twice_changes_nothing(
    api: httpx.Client, prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    """Not even their ids, on which timers depend; what is removed is gone, what is printed can be created."""
    first = {line.split()[0] for line in command(prefect_environment, "install").splitlines()}
    assert first - {"resumed"} == {"created"}  # other tests may have left suspended runs
    before = ours(api)
    assert {line.split()[0] for line in command(prefect_environment, "install").splitlines()} == {"unchanged"}
    assert ours(api) == before
    file = tmp_path / "automations.yaml"
    file.write_text(command(prefect_environment, "print"))
    command(prefect_environment, "remove")
    assert ours(api) == []
    create = [str(BIN / "prefect"), "automation", "create", "--from-file", str(file)]
    subprocess.run(create, env=prefect_environment, check=True, capture_output=True)
    assert sorted(one["name"] for one in ours(api)) == sorted(one["name"] for one in before)
    assert {line.split()[0] for line in command(prefect_environment, "install").splitlines()} == {"unchanged"}


def test_what_is_paused_stays_paused_and_what_is_not_ours_stays(api: httpx.Client) -> None:
    """An update keeps the switch as somebody has set it; our own from before are removed, others never."""
    install_automations()
    paused = next(one for one in ours(api) if one["name"] == f"{PREFIX}retry crashed")
    api.patch(f"/automations/{paused['id']}", json={"enabled": False}).raise_for_status()
    theirs = {**paused, "name": "theirs", "enabled": False}
    for automation in (theirs, {**theirs, "name": f"{PREFIX}from before"}):
        wanted = {name: value for name, value in automation.items() if name in CREATED}
        api.post("/automations/", json=wanted).raise_for_status()
    done = {change.name: change.done for change in install_automations(Times(retry=20))}
    assert done[f"{PREFIX}retry crashed"] == "updated"
    assert done[f"{PREFIX}from before"] == "removed"
    assert "theirs" not in done
    assert [one["name"] for one in ours(api) if not one["enabled"]] == [f"{PREFIX}retry crashed"]
    remove_automations()
    assert [one["name"] for one in automations(api)] == ["theirs"]
    api.delete(f"/automations/{automations(api)[0]['id']}").raise_for_status()


def test_a_missing_deployment_is_named(api: httpx.Client, prefect_environment: dict[str, str]) -> None:
    """With the command that deploys it and installs them; nothing is installed before."""
    api.delete(f"/deployments/{deployment(api, 'heal')['id']}").raise_for_status()
    said = command(prefect_environment, "install", code=1)
    assert "openai-batch-heal/heal" in said
    assert ours(api) == []
    deploy = said.splitlines()[-1]
    assert deploy == "prefect-openai-batch deploy"
    subprocess.run(deploy.split(), env=prefect_environment, check=True, capture_output=True)
    assert len(ours(api)) == 8


def test_where_wake_looks_for_all_no_timer_looks_for_each(api: httpx.Client) -> None:
    """With its schedule on, an installation takes the timers of the looks away; with it off they are back."""
    wake = deployment(api, "wake")
    schedule = f"/deployments/{wake['id']}/schedules/{wake['schedules'][0]['id']}"
    for active, looks in ((True, 0), (False, 3)):
        api.patch(schedule, json={"active": active}).raise_for_status()
        install_automations()
        there = {one["name"].removeprefix(PREFIX): one["trigger"] for one in ours(api)}
        assert sum("look after" in name for name in there) == looks
        assert there["look at last"]["within"] == (6 if active else 1) * 3_600
        lost = there[NO_SIGN_OF_LIFE]["after"]
        assert ("prefect.flow-run.Suspended" in lost) is not active  # nothing is heard of a run that waits so
        assert {"prefect.flow-run.Running", "prefect.flow-run.Resuming"} <= {*lost}


def test_the_slot_of_wake_comes_back_by_itself(api: httpx.Client) -> None:
    """Whatever was killed with a run of it: Prefect's server keeps who holds a slot in memory."""
    install_automations()
    limit = deployment(api, "wake")["global_concurrency_limit"]
    assert (limit["limit"], limit["slot_decay_per_second"]) == (1, 1 / WAKE_SECONDS)


def test_every_automation_asks_for_our_tag(api: httpx.Client) -> None:
    """Whatever the event, it is about a run that bears it."""
    install_automations()
    assert ours(api)
    for automation in ours(api):
        trigger = automation["trigger"]
        assert trigger["match"]["prefect.resource.id"] == "prefect.flow-run.*"
        assert trigger["match_related"] == {
            "prefect.resource.role": "tag",
            "prefect.resource.id": f"prefect.tag.{TAG}",
        }
        assert trigger["for_each"] == ["prefect.resource.id"]


def automations(api: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.post("/automations/filter", json={}).raise_for_status().json()
    return found


def ours(api: httpx.Client) -> list[dict[str, Any]]:
    return [one for one in automations(api) if one["name"].startswith(PREFIX)]


def command(environment: dict[str, str], name: str, code: int = 0) -> str:
    """What `prefect-openai-batch automations …` prints."""
    line = [sys.executable, "-m", "prefect_openai_batch.cli", "automations", name]
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr
