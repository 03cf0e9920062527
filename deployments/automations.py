"""Prefect automations that wake, retry and clean up the runs of ours; they touch no run without our tag.

A timer must not be lost. A proactive trigger keeps one counter a run, and what it expects stops the counter
without freeing it: a suspension that comes before the counter is freed would start none. So the looks expect an
event that never comes, and a look at a run that is not suspended does nothing.

Nor must an event be lost. On SQLite Prefect gives an event up after four tries in a moment in which others write,
and keeps what follows it in the same run for 15 minutes. That befalls triggers that read before they write, as
those do that only expect an event. So the signs of life both start a counter and stop the one before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from prefect.automations import AutomationCore, EventTrigger, Posture, RunDeployment
from prefect.events.actions import ActionTypes, ResumeFlowRun
from prefect.events.schemas.events import ResourceSpecification

from ..flows.runs import TAG
from ..flows.suspension.looks import LOOKS, PLAIN
from ..flows.suspension.waiting_runs import BATCH_ENDED

PREFIX = "openai-batch: "
"""What the names of our automations begin with."""

NO_SIGN_OF_LIFE = "no sign of life"
"""The automation whose time people choose, by how often their runs beat."""

HEAL = "openai-batch-heal/heal"
"""The deployment of `heal_run`."""

COLLECT_CANCELLED = "openai-batch-collect-cancelled/collect-cancelled"
"""The deployment of `collect_cancelled_run`."""

WAKE = "openai-batch-wake/wake"
"""The deployment of `wake_jobs`."""

STARTED = (HEAL, COLLECT_CANCELLED)
"""The deployments that automations start."""

NEVER = "openai-batch.never"
"""An event that nobody emits."""

RUN = "prefect.flow-run."
UNFINISHED = (
    *("Pending", "Submitting", "InfrastructurePending", "Running", "Retrying", "heartbeat"),
    *("Resuming", "Crashed"),
)
"""Events of a run that is to go on: its host may vanish before the first heartbeat, its retry be lost."""

SUSPENDED = "Suspended"
"""The event of a run that waits: where a timer looks after it, that look may be lost, and `wake` looks unheard."""

RUN_ID = "prefect.resource.id"
OURS = {"prefect.resource.role": "tag", RUN_ID: f"prefect.tag.{TAG}"}
"""What every event has among its related resources if it is about a run of ours."""


@dataclass(frozen=True)
class Times:
    """How long the automations wait, in seconds; Prefect takes no less than 10.

    Attributes:
        looks: After a suspension, for each pace of `flows.looks.LOOKS`; none where `wake` looks at all jobs: then
            nothing is heard of a run that waits, and it is not taken for lost.
        at_last: After a suspension, whatever happened to the looks: the server was away, or an action failed.
        lost: Without a sign of life until `heal_run` looks after a run. Prefect's runs beat every 180 seconds
            unless PREFECT_FLOWS_HEARTBEAT_FREQUENCY says otherwise, so a shorter time than 540 needs that setting
            for every run with our tag, or living runs are taken for crashed. It is longer than the looks.
        retry: After a crash until it is retried: the worker reports a crash twice, some seconds apart.
    """

    looks: tuple[float, ...] = tuple(look.seconds for look in LOOKS)
    at_last: float = 3600.0
    lost: float = 720.0
    retry: float = 10.0


def make_automations(deployments: Mapping[str, UUID], times: Times) -> Iterator[AutomationCore]:
    """Every automation of ours.

    Args:
        deployments: The ids of the deployments in `STARTED`, by name.
        times: How long they wait.
    """
    for look, seconds in zip(LOOKS, times.looks, strict=bool(times.looks)):
        messages = [f"*{look.message}", *([PLAIN] if look is LOOKS[1] else [])]
        yield _look(f"look after {look.name}", seconds, messages)
    yield _look("look at last", times.at_last, ["*Next look within *", PLAIN])
    yield _automation(
        "resume when a batch has ended",
        "A receiver of OpenAI's webhooks says that a batch of the run has ended.",
        _at_once(BATCH_ENDED, within=0),
        ResumeFlowRun(),
    )
    signs = [*UNFINISHED, SUSPENDED] if times.looks else UNFINISHED
    yield _automation(
        NO_SIGN_OF_LIFE,
        "A run whose host vanished is retried, and one whose look or retry was lost goes on.",
        _unless([f"{RUN}*"], after=[RUN + sign for sign in signs], within=times.lost),
        _start(deployments[HEAL], after=0),
    )
    yield _automation(
        "retry crashed",
        "A crashed run is retried, a few times.",
        _at_once(f"{RUN}Crashed", within=times.retry),
        _start(deployments[HEAL], after=times.retry),
    )
    yield _automation(
        "collect cancelled",
        "The batches of a run that was cancelled while it was suspended are cancelled and collected.",
        _at_once(f"{RUN}Cancelled", within=0),
        _start(deployments[COLLECT_CANCELLED], after=0),
    )


def _look(name: str, seconds: float, messages: list[str]) -> AutomationCore:
    trigger = _unless([NEVER], after=[RUN + SUSPENDED], within=seconds, state_message=messages)
    return _automation(name, f"A suspended run is resumed within {seconds:g} seconds.", trigger, ResumeFlowRun())


def _automation(name: str, description: str, trigger: EventTrigger, action: ActionTypes) -> AutomationCore:
    return AutomationCore(name=PREFIX + name, description=description, trigger=trigger, actions=[action])


def _at_once(event: str, *, within: float) -> EventTrigger:
    """At an event of a run, and not again `within` so many seconds."""
    return EventTrigger(
        posture=Posture.Reactive,
        expect={event},
        for_each={RUN_ID},
        match=ResourceSpecification({RUN_ID: f"{RUN}*"}),
        match_related=ResourceSpecification(OURS),
        within=timedelta(seconds=within),
    )


def _unless(
    expected: list[str], *, after: list[str], within: float, state_message: list[str] | None = None
) -> EventTrigger:
    """Unless one of some events follows one of others in time."""
    messages = {"prefect.state-message": state_message} if state_message else {}
    return EventTrigger(
        posture=Posture.Proactive,
        after=set(after),
        expect=set(expected),
        for_each={RUN_ID},
        match=ResourceSpecification({RUN_ID: f"{RUN}*", **messages}),
        match_related=ResourceSpecification(OURS),
        within=timedelta(seconds=within),
    )


def _start(deployment: UUID, *, after: float) -> RunDeployment:
    run_id = {"__prefect_kind": "jinja", "template": "{{ flow_run.id }}"}
    return RunDeployment(
        deployment_id=deployment, parameters={"flow_run_id": run_id}, schedule_after=timedelta(seconds=after)
    )
