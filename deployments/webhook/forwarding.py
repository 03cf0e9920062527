"""Deliveries of OpenAI's webhooks turned into Prefect events, for the runs that wait suspended."""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self
from uuid import UUID, uuid5

from openai import APIConnectionError, APIError, AuthenticationError
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.events import Event, RelatedResource, Resource
from prefect.events.clients import get_events_client

from ...batch import clock
from ...batch.errors import BatchUnknown
from ...batch.files import identity
from ...batch.files.batches import Batch
from ...flows.runs import TAG, job_key_of
from ...flows.suspension.waiting_runs import BATCH_ENDED, waiting_runs
from ...tasks.remote.connection import connect
from ...tasks.remote.looking import listing_missing, look_at
from ...tasks.remote.tries import LOOKING, kind_of
from .deliveries import Delivery, Inbox

SHORTEST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
"""Between two tries for a run that has not suspended yet; they come less often the longer it takes."""

TOLD_SECONDS = 15.0
"""So long after an event its run should have gone on; else it is told again."""

GATHERING_SECONDS = 0.3
"""Deliveries of a flood are dealt with together, in few calls."""

ASLEEP = (
    "Flow run %s was told for ten minutes that a batch has ended, and sleeps on. Is the automation there, and on? "
    "`prefect-openai-batch automations install` makes it"
)

UNKNOWN = "The account of this key does not know %s: is it a key of the project that the webhook is of?"

EARLY_SECONDS = 600.0
"""A run that has suspended so long after a delivery has looked after the batch's end. It is long, for between its
last look and its suspension a run waits for its downloads."""

SLACK_SECONDS = 5.0
"""How far our clock and that of Prefect's server may be apart."""

PATIENCE_SECONDS = 600.0
"""So long is a run told of a batch; a timer stands behind."""

OLDEST_SECONDS = 100_000.0
"""How long before its end a batch was created, at most: its window is 24 hours."""

RESOURCE_ID = "prefect.resource.id"

ACTIVE = (StateType.PAUSED, StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED)

log = logging.getLogger(__name__)


class Forwarder:
    """Tells Prefect of the batches that have ended, in a thread of its own that lives inside `with`.

    Args:
        inbox: What was delivered.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
    """

    def __init__(self, inbox: Inbox, credentials: str | None) -> None:
        self._inbox = inbox
        self._credentials = credentials
        self._job_keys: dict[str, str] = {}
        self._news = threading.Event()
        self._trouble = ""
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="openai-batch-webhooks", daemon=True)

    def __enter__(self) -> Self:
        """Begin with what was left undone."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End after what is being done now."""
        self._stopped = True
        self._news.set()
        self._thread.join(timeout=30)

    def is_alive(self) -> bool:
        """Whether deliveries are dealt with."""
        return self._thread.is_alive()

    @property
    def trouble(self) -> str:
        """Why no run can be told just now; empty where, as far as is known, any can."""
        return self._trouble

    def notify(self) -> None:
        """Say that there is something in the inbox."""
        self._news.set()

    def _run(self) -> None:
        self._check()
        while not self._stopped:
            self._news.clear()
            self._news.wait(self._forward_due())
            if not self._stopped:
                time.sleep(GATHERING_SECONDS)

    def _forward_due(self) -> float | None:
        """Deal with what is due; the seconds until something else is, None where there is nothing."""
        try:
            if deliveries := self._inbox.due(clock.now()):
                self._forward(deliveries)
            elif self._trouble:
                self._check()
            due = self._inbox.next_due()
        except Exception as error:  # a full disk passes
            log.warning("The inbox cannot be used: %s", type(error).__name__)
            return LONGEST_PAUSE_SECONDS
        pauses = [LONGEST_PAUSE_SECONDS] if self._trouble else []
        if due is not None:
            pauses.append(max(0.0, due - clock.now()))
        return min(pauses, default=None)

    def _check(self) -> None:
        """See whether Prefect and OpenAI let us in: a wrong key is told of before the first batch has ended."""
        try:
            next(waiting_runs(), None)
            with connect(self._credentials, LOOKING) as connection, listing_missing():
                next(connection.batch_pages(1), None)
        except Exception as error:  # the thread outlives whatever they answer
            known, self._trouble = self._trouble, _why(error)
            if self._trouble != known:
                log.warning("No run can be told of its batches: %s", self._trouble)
        else:
            self._trouble = ""

    def _forward(self, deliveries: list[Delivery]) -> None:
        try:
            self._tell(deliveries)
            self._inbox.forget(clock.now())
        except Exception as error:  # the thread outlives whatever OpenAI or Prefect answer
            self._trouble = _why(error)
            log.warning("%d deliveries are tried again later: %s", len(deliveries), self._trouble)
            self._keep(deliveries)
        else:
            if self._trouble:
                self._check()

    def _tell(self, deliveries: list[Delivery]) -> None:
        """Tell each suspended run of its batches by one event."""
        runs = _runs_by_key()
        if runs:
            self._ask_for_keys(deliveries)
        news: defaultdict[UUID, list[Delivery]] = defaultdict(list)
        known: dict[UUID, FlowRun] = {}
        early, over = [], []
        for delivery in deliveries:
            if runs and delivery.batch_id not in self._job_keys and _is_new(delivery):
                early.append(delivery)  # OpenAI may not know its batch for a moment
                continue
            key = self._job_keys.get(delivery.batch_id, "")
            concerned = [run for run in runs.get(key, []) if _may_wait(run, delivery)]
            suspended = [run for run in concerned if _is_suspended(run)]
            for run in suspended:
                known[run.id] = run
                news[run.id].append(delivery)
            if not concerned:
                over.append(delivery)
                for run in runs.get(key, []):
                    if _sleeps_on(run, delivery):
                        log.warning(ASLEEP, run.name)
            elif not suspended:
                early.append(delivery)
        asyncio.run(_emit([_event(known[run_id], found) for run_id, found in news.items()]))
        told = {one.webhook_id: one for found in news.values() for one in found}
        now = clock.now()
        self._inbox.keep({replace(one, told_at=now): now + TOLD_SECONDS for one in told.values()})
        self._keep(early)
        self._inbox.close_deliveries(over)
        for delivery in over:
            self._job_keys.pop(delivery.batch_id, None)
        for run_id, found in news.items():
            log.info("Flow run %s is told. Batches that have ended: %d", known[run_id].name, len(found))

    def _ask_for_keys(self, deliveries: Iterable[Delivery]) -> None:
        """Ask which job key each batch bears, once until it is dealt with; in as few calls as there are."""
        batches = {
            delivery.batch_id: Batch(
                id=delivery.batch_id,
                status="in_progress",
                created_at=int(delivery.received_at - OLDEST_SECONDS),
            )
            for delivery in deliveries
            if delivery.batch_id not in self._job_keys
        }
        if not batches:
            return
        with connect(self._credentials, LOOKING) as connection:  # what fails is tried again with the delivery
            try:
                found = look_at(connection, batches.values(), LOOKING)
            except BatchUnknown as error:  # another account's, or nobody's: no run of ours waits for it
                unknown = set(error.details["batch_ids"])
                log.warning(UNKNOWN, ", ".join(sorted(unknown)))
                known = [batch for batch in batches.values() if batch.id not in unknown]
                found = look_at(connection, known, LOOKING)
        self._job_keys |= {batch.id: identity.job_key_of(batch) for batch in found}

    def _keep(self, deliveries: Iterable[Delivery]) -> None:
        now = clock.now()
        self._inbox.keep({delivery: now + _pause(now - delivery.received_at) for delivery in deliveries})


def _is_new(delivery: Delivery) -> bool:
    return clock.now() - delivery.received_at < LONGEST_PAUSE_SECONDS


def _pause(age: float) -> float:
    """Before the next try for a run that has not suspended yet, by how long ago its batch's end was told."""
    return min(max(age, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)


def _runs_by_key() -> dict[str, list[FlowRun]]:
    found: defaultdict[str, list[FlowRun]] = defaultdict(list)
    for run in waiting_runs(ACTIVE):
        try:
            found[job_key_of(run)].append(run)
        except Exception as error:  # whatever its parameters hold, the other runs are told
            log.warning("Which job flow run %s is for cannot be told: %s", run.name, type(error).__name__)
    return found


def _is_suspended(run: FlowRun) -> bool:
    return run.state is not None and run.state.type == StateType.PAUSED


def _may_wait(run: FlowRun, delivery: Delivery) -> bool:
    """Whether a run does not know yet of the batch that was delivered."""
    assert run.state is not None, "the server gives each run with its state"
    since = run.state.timestamp.timestamp()
    patient = clock.now() - delivery.received_at <= PATIENCE_SECONDS
    if delivery.told_at is not None:
        return patient and _sleeps_on(run, delivery)
    if not _is_suspended(run) and since > delivery.received_at + SLACK_SECONDS:
        return False  # it began after the batch's end, and begins with a look
    return since <= delivery.received_at + EARLY_SECONDS if _is_suspended(run) else patient


def _sleeps_on(run: FlowRun, delivery: Delivery) -> bool:
    """Whether a run has been suspended all the time since it was told of a batch."""
    assert run.state is not None, "the server gives each run with its state"
    told_at = delivery.told_at
    return told_at is not None and _is_suspended(run) and run.state.timestamp.timestamp() <= told_at


def _why(error: Exception) -> str:
    """What keeps runs from being told; of an error's own text nothing, for it may quote what is secret."""
    if isinstance(error, AuthenticationError):
        return "OpenAI refuses the key: change the credentials block, or restart the receiver with another key"
    if isinstance(error, APIConnectionError):
        return "OpenAI cannot be reached, or what answers in its place is no OpenAI"
    return f"OpenAI answers {kind_of(error)}" if isinstance(error, APIError) else kind_of(error)


def _event(run: FlowRun, deliveries: list[Delivery]) -> Event:
    first = min(deliveries, key=lambda delivery: delivery.received_at)
    told = first.told_at or 0
    return Event(
        id=uuid5(run.id, f"{first.webhook_id} {told}"),  # the same news twice acts once
        occurred=datetime.fromtimestamp(clock.now(), UTC),
        event=BATCH_ENDED,
        resource=Resource(
            {"prefect.resource.id": f"prefect.flow-run.{run.id}", "prefect.resource.name": run.name}
        ),
        related=[RelatedResource({RESOURCE_ID: f"prefect.tag.{TAG}", "prefect.resource.role": "tag"})],
        payload={"batch_ids": sorted({delivery.batch_id for delivery in deliveries})},
    )


async def _emit(events: list[Event]) -> None:
    """Send events; when this returns, the server has them."""
    if events:
        async with get_events_client() as client:
            for event in events:
                await client.emit(event)
