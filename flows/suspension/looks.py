"""When a suspended run is looked at again, if nothing else wakes it before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn
from uuid import uuid4

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import Pause
from prefect.states import Suspended

from ...batch import clock
from ...batch.files.batches import Batch
from ...tasks import wait_for_batches
from ...tasks.wait import LOOK_ONCE
from ..defaults import current_run

PLAIN = ""
"""The message of a suspension that says nothing of looks, as `suspend_flow_run` makes it."""

NO_LOOK = "No timer looks any more."
"""The message of a suspension that only an event or a person ends."""

DAY = 86_400.0


@dataclass(frozen=True)
class Look:
    """A pace of looks: `seconds` after a suspension, for what has waited less than `until` seconds.

    Prefect counts no resumption of a run, so the run says by its state's message which look it waits for, and
    each pace has an automation that knows its message.
    """

    name: str
    seconds: float
    until: float

    @property
    def message(self) -> str:
        """What the state's message ends with; people read it too."""
        return f"Next look within {self.name}."


def look_once(batches: list[Batch], *, credentials: str | None, again: bool = True) -> list[Batch]:
    """The batches that have ended, by one look that waits for none; `again` where no other look follows soon."""
    look = wait_for_batches.with_options(persist_result=False, **LOOK_ONCE)  # thousands a day, which nobody reads
    deadline = datetime.fromtimestamp(clock.now(), UTC)
    return look(batches, credentials=credentials, deadline=deadline, again=again)


FIRST_SECONDS = 10.0
"""So long after a batch's creation a run looks itself before it suspends: to start a process takes as long."""

LOOKS = (
    Look("30 seconds", 30.0, until=600.0),
    Look("2 minutes", 120.0, until=3600.0),
    Look("10 minutes", 600.0, until=30 * DAY),
)
"""The paces: many a small batch ends within minutes; after 30 days OpenAI keeps a batch's files no more."""


def suspends_at(flying: Iterable[Batch], now: float) -> datetime:
    """When a run that waits suspended for these batches may suspend: once the youngest is past its first looks.

    Args:
        flying: Open batches.
        now: The time in Unix seconds; what was created later, by a server's clock that is ahead, was so now.
    """
    youngest = max((batch.created_at or 0 for batch in flying), default=0)
    return datetime.fromtimestamp(min(youngest, now) + FIRST_SECONDS, UTC)


def waited(opened: Iterable[Batch], begun: float, now: float) -> float:
    """How long a job has waited, in seconds: by its oldest open batch; without one for room, since it was begun.

    Room may come at any time, so for that a timer always looks.
    """
    oldest = min((batch.created_at or 0 for batch in opened), default=None)
    return min(now - begun, LOOKS[-2].until) if oldest is None else now - oldest


def look_after(age: float) -> Look | None:
    """The look that a run waits for when it suspends; None after 30 days.

    Args:
        age: How long its oldest open batch has been open, in seconds.
    """
    return next((look for look in LOOKS if age < look.until), None)


def message_after(age: float, awaited: str = "") -> str:
    """What a run that suspends says in its state's message: what it waits for, then the look, for automations."""
    look = look_after(age)
    return f"{awaited} {look.message if look else NO_LOOK}".lstrip()


def suspend_for_look(age: float, awaited: str = "") -> NoReturn:
    """End this process and leave the run suspended, saying which look it waits for.

    `suspend_flow_run` does the same without a message, by which the automations tell the paces apart.

    Args:
        age: How long its oldest open batch has been open, in seconds.
        awaited: What it waits for, as a sentence.

    Raises:
        Pause: always; it ends the process. The run is then suspended, or as somebody else has put it meanwhile.
        RuntimeError: Prefect does not suspend such a run.
    """
    wanted: State[None] = Suspended(pause_key=uuid4().hex, message=message_after(age, awaited))
    with get_client(sync_client=True) as client:
        answer = client.set_flow_run_state(current_run().id, wanted)
    if answer.status == SetStateStatus.ABORT:
        raise RuntimeError(f"The flow run cannot be suspended: {answer.details}")
    raise Pause(state=answer.state)
