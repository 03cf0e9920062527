"""Wait for batches: sensors, whose retries by Prefect are the looks, until something has ended."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from math import ceil, inf
from typing import Any

from openai import OpenAIError
from prefect import task
from prefect.client.schemas.objects import State

from ..batch import clock
from ..batch.errors import BatchNotFinished, BatchUnknown
from ..batch.files.batches import Batch, BatchStatus, count_items, describe_progress
from ..batch.jobs.options import LONGEST_SECONDS, MAX_POLL_SECONDS, POLL_SECONDS, Pauses
from ..batch.jobs.submissions import gave_way, has_ended
from ..batch.progress import report
from .options import KEPT_AS_JSON, SensorOptions
from .remote.connection import Connection, connect
from .remote.looking import look_at
from .remote.tries import CHECKING, FINDING, LOOKING, kind_of, may_pass
from .remote.twins import settle
from .shown.run_names import named_wait

log = logging.getLogger(__name__)

SHORTEST_DELAY_SECONDS = 0.01

MAX_DELAYS = 50
"""Prefect takes at most so many retry delays; the last one repeats. They grow so that they lead to the longest."""

LAST_LOOKS_SECONDS = 60.0
"""So long after a deadline a look that did not get through is followed by another: it may have begun before."""

LONGEST_WAIT_SECONDS = 30 * 86_400
"""Without a deadline looks go on for as long as OpenAI keeps a batch's files, counted from the first look."""


def sensor_options(
    created_at: float | None = None,
    *,
    poll_seconds: float = POLL_SECONDS,
    max_poll_seconds: float = MAX_POLL_SECONDS,
    deadline: datetime | None = None,
) -> SensorOptions:
    """The retries of a sensor, for `with_options(**…)`: they back off as the batch grows older.

    Args:
        created_at: When the (oldest) batch was created, in Unix seconds; None means now.
        poll_seconds: The shortest time between looks.
        max_poll_seconds: The longest time between looks.
        deadline: When to stop looking; it counts by the clock, so a retried run does not begin anew. None means
            when there have been looks for `LONGEST_WAIT_SECONDS`.

    Raises:
        ValueError: the time between looks is longer than a day, or no number.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, sensor_options, submit_batch, wait_for_batch

        batch = submit_batch([ChatRequest(model="gpt-5-mini", prompt="Name a colour.").item("colour")])
        brisk = wait_for_batch.with_options(**sensor_options(batch.created_at, poll_seconds=1))
        batch = brisk(batch)
        ```
    """
    if not (poll_seconds <= LONGEST_SECONDS and max_poll_seconds <= LONGEST_SECONDS):  # nan is not, either
        raise ValueError(
            f"poll_seconds {poll_seconds:g} and max_poll_seconds {max_poll_seconds:g}: neither may be more than "
            f"{LONGEST_SECONDS:g}, a day."
        )
    now = clock.now()
    age = max(0.0, now - (created_at or now))
    pauses, delays = Pauses(poll_seconds, max_poll_seconds), list[float]()
    for _ in range(MAX_DELAYS):
        delays.append(max(round(pauses.after(age), 2), SHORTEST_DELAY_SECONDS))  # it stands in the log
        age += delays[-1]
    left = deadline.timestamp() - now if deadline else LONGEST_WAIT_SECONDS
    if deadline:
        delays = _ending_with(left, delays)
    return {
        "retries": MAX_DELAYS + int(max(0.0, left) / delays[-1]),
        "retry_delay_seconds": delays,
        "retry_condition_fn": _unfinished_before(deadline),
    }


LOOK_ONCE = SensorOptions(retries=0)
"""The options of a look that waits for nothing; its calls are tried like any that read."""


def _ending_with(seconds: float, delays: list[float]) -> list[float]:
    """The delays shortened so that a look comes when so many seconds have passed."""
    kept: list[float] = []
    for delay in delays:
        left = max(seconds - sum(kept), 0.0)
        if delay >= left:
            return [*kept, max(left, SHORTEST_DELAY_SECONDS)]
        kept.append(delay)
    left = seconds - sum(kept[:-1])
    kept[-1] = left / ceil(left / kept[-1])  # the last one repeats
    return kept


def _unfinished_before(deadline: datetime | None) -> Callable[[object, object, State[Any]], bool]:
    """A sensor's retry condition: a look before the deadline found nothing, or did not get through."""

    def unfinished(_task: object, _run: object, state: State[Any]) -> bool:
        failure, until = state.data, deadline.timestamp() if deadline else inf
        if isinstance(failure, BatchNotFinished):
            # The deadline may have come since: then the next look is the last.
            return bool(failure.details["looked_at"] < until)
        return may_pass(failure) and clock.now() < until + LAST_LOOKS_SECONDS

    return unfinished


@task(name="wait-for-batches", task_run_name=named_wait, **KEPT_AS_JSON, **sensor_options())
def wait_for_batches(
    batches: list[Batch],
    *,
    credentials: str | None = None,
    deadline: datetime | None = None,
    again: bool = True,
) -> list[Batch]:
    """Look at all these batches; return those that have ended, as soon as any has.

    A batch that has not ended two days after its window is cancelled, so that it gives what it has; three days
    after it, nothing more is waited for.

    Where another start of the job may have sent the same items, without a folder that both share, the first looks
    last until validation is over: of two batches one gives way. It is returned with the ended ones; `submit_batch`
    then gives the batch that stays.

    Args:
        batches: Open batches.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
        deadline: From then on a look that finds none returns an empty list.
        again: Whether the look at the deadline is tried again, for seconds, where it does not get through, and
            then counts as one that finds none; and each look where a batch is not known.

    Raises:
        BatchNotFinished: none has ended yet; Prefect then looks again, by `sensor_options`.
        BatchUnknown: OpenAI does not know some of them: they were sent with another account, or to another server.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, submit_batch, wait_for_batches

        requests = [ChatRequest(model=model, prompt="Name a colour.") for model in ("gpt-5", "gpt-5-mini")]
        batches = [submit_batch([request.item("colour")]) for request in requests]
        while batches:
            ended = {batch.id for batch in wait_for_batches(batches)}
            batches = [batch for batch in batches if batch.id not in ended]
        ```
    """
    try:
        return _look_for_ended(batches, credentials, deadline, again=again)
    except Exception as error:
        if not again or _is_before(deadline) or not may_pass(error):
            raise
        log.warning("OpenAI could not be asked (%s): the next look does so", kind_of(error))
        return []


def _look_for_ended(
    batches: list[Batch], credentials: str | None, deadline: datetime | None, *, again: bool
) -> list[Batch]:
    """Those of the batches that have ended; at the deadline none, if none has.

    Raises:
        BatchNotFinished: none has ended before the deadline.
    """
    with connect(credentials, LOOKING if _is_before(deadline) or not again else CHECKING) as connection:
        looked = look_at(connection, batches, FINDING if again else LOOKING)
        seen = settle(connection, looked, deadline.timestamp() if deadline else inf)
        _cancel_late(connection, seen)
    progress = describe_progress(seen)
    done, total = count_items(seen)
    report("wait", done=done, total=total, text=progress)
    now = clock.now()
    ended = [batch for batch in seen if has_ended(batch, now) or gave_way(batch)]
    if not ended and _is_before(deadline):
        raise BatchNotFinished(progress, looked_at=now)
    return ended


@task(name="wait-for-batch", task_run_name=named_wait, **KEPT_AS_JSON, **sensor_options())
def wait_for_batch(batch: Batch | str, *, credentials: str | None = None) -> Batch:
    """Wait for one batch, ours or one that somebody else started, by its id; return it as it ended.

    Raises:
        BatchNotFinished: it has not ended yet; Prefect then looks again, by `sensor_options`.
        BatchUnknown: OpenAI does not know it.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, submit_batch, wait_for_batch

        batch = submit_batch([ChatRequest(model="gpt-5-mini", prompt="Name a colour.").item("colour")])
        batch = wait_for_batch(batch)
        print(batch.status)
        ```
    """
    with connect(credentials, LOOKING) as connection:
        (seen,) = look_at(connection, [Batch(id=batch) if isinstance(batch, str) else batch])
    now = clock.now()
    if not has_ended(seen, now):
        raise BatchNotFinished(describe_progress([seen]), looked_at=now)
    return seen


def _is_before(deadline: datetime | None) -> bool:
    """Whether there may be another look; one at the deadline or after it waits for nothing."""
    return deadline is None or clock.now() < deadline.timestamp()


def _cancel_late(connection: Connection, seen: Iterable[Batch]) -> None:
    for batch in seen:
        if batch.is_late(clock.now()) and batch.status != BatchStatus.CANCELLING:
            with suppress(OpenAIError, BatchUnknown):
                connection.cancel(batch.id)
