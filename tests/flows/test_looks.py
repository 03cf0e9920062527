"""Looks that back off, and crashes in a row."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.client.schemas.objects import State
from prefect.states import AwaitingRetry, Cancelled, Cancelling, Completed, Crashed, Pending, Running, Suspended
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.jobs.options import POLL_SECONDS
from prefect_openai_batch.deployments.automations import Times
from prefect_openai_batch.flows.healing import (
    LATE_EVENTS,
    SETTLED,
    TIMED_OUT,
    cancelled_without_process,
    crashes,
    goes_on,
    needs_help,
)
from prefect_openai_batch.flows.suspension.looks import (
    DAY,
    FIRST_SECONDS,
    LOOKS,
    NO_LOOK,
    look_after,
    message_after,
    suspends_at,
    waited,
)

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@given(st.floats(0, 30 * DAY, exclude_max=True))
def test_looks_back_off_with_age(age: float) -> None:
    """An older batch is looked at as often or less; the longest that a look may come late is ten minutes."""
    look, later = look_after(age), look_after(age * 1.5)
    assert look is not None
    assert look.seconds <= 600
    assert later is None or later.seconds >= look.seconds


def test_after_thirty_days_no_timer_looks() -> None:
    """OpenAI keeps a batch's files no longer; no automation's pattern matches what the run says then."""
    assert look_after(30 * DAY) is None
    assert message_after(30 * DAY) == NO_LOOK
    assert not [look for look in LOOKS if fnmatchcase(NO_LOOK, f"*{look.message}")]
    assert not fnmatchcase(NO_LOOK, "*Next look within *")


def test_for_room_a_timer_always_looks() -> None:
    """However old the job is; for batches it looks no longer than their files are kept."""
    assert look_after(waited([], 0, 90 * DAY)) == LOOKS[-1]
    assert look_after(waited([], 0, 5)) == LOOKS[0]
    assert look_after(waited([Batch(id="old", created_at=0)], 0, 90 * DAY)) is None


def test_a_run_suspends_when_its_youngest_batch_may_not_end_at_once() -> None:
    """Many a small batch ends within seconds: the run looks itself so long."""
    batches = [Batch(id="old", created_at=1_000), Batch(id="new", created_at=2_000), Batch(id="untold")]
    assert suspends_at(batches, 2_001).timestamp() == 2_000 + FIRST_SECONDS
    assert suspends_at(batches, 1_500).timestamp() == 1_500 + FIRST_SECONDS  # the server's clock is ahead


def test_a_day_takes_few_looks() -> None:
    """Fewer than 200 in 24 hours, even if each started and ended at once; those before a suspension among them."""
    age, looks = FIRST_SECONDS, 1 + FIRST_SECONDS / POLL_SECONDS
    while (look := look_after(age)) and age < DAY:
        age, looks = age + look.seconds, looks + 1
    assert looks < 200


@given(st.lists(st.floats(20, 10_000), min_size=1, max_size=8), st.floats(0.1, 9.9))
def test_a_crash_that_is_reported_twice_counts_once(gaps: list[float], again: float) -> None:
    """The second report comes within ten seconds, and overwrites a retry in between."""
    states: list[State[Any]] = []
    for number in range(len(gaps)):
        at = BEGIN + timedelta(seconds=sum(gaps[: number + 1]))
        states += [
            Running(timestamp=at - timedelta(seconds=5)),
            Crashed(timestamp=at),
            AwaitingRetry(timestamp=at + timedelta(seconds=again / 2)),
            Crashed(timestamp=at + timedelta(seconds=again)),
        ]
    assert crashes(states) == len(gaps)


def test_a_suspension_ends_a_row_of_crashes() -> None:
    """A run that waits for a month may crash now and then."""
    states: list[State[Any]] = [Crashed(timestamp=BEGIN + number * 2 * SETTLED) for number in range(4)]
    assert crashes(states) == 4
    assert crashes([*states, Suspended()]) == 0
    assert crashes([*states, Suspended(), Running(), Crashed()]) == 1


@pytest.mark.parametrize(
    ("states", "without"),
    [
        ([Running(), Suspended(), Cancelled()], True),
        ([Suspended(), AwaitingRetry(), Cancelled()], True),
        ([AwaitingRetry(), Pending(), Cancelled()], True),
        ([Running(), Cancelling(), Cancelled()], False),
        ([Running(), Cancelling(), Cancelled(message=f"{TIMED_OUT}; marked.")], True),
        ([Suspended(), Cancelled(), AwaitingRetry()], False),
        ([Cancelled()], False),
        ([], False),
    ],
)
def test_a_run_cancelled_without_a_process_is_told_by_its_states(states: list[State[Any]], without: bool) -> None:
    """A run that has one passes through Cancelling, and the worker calls its hook; else the server ends it."""
    assert cancelled_without_process(states) == without


@pytest.mark.parametrize(
    ("state", "seconds", "on"),
    [(Running, 1, True), (Pending, 1, True), (Running, -1, True), (Running, -600, False), (Suspended, 1, False)],
)
def test_a_run_that_was_taken_up_meanwhile_is_not_taken_for_crashed(
    state: Callable[..., State[Any]], seconds: float, on: bool
) -> None:
    """Help comes some seconds after it was asked for; events are heard of late."""
    assert goes_on(state(timestamp=BEGIN + timedelta(seconds=seconds)), BEGIN) is on
    assert timedelta(seconds=Times().lost) > LATE_EVENTS


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (Running(), True),
        (Crashed(), True),
        (Suspended(message=message_after(0, "Waits.")), True),
        (Suspended(), True),
        (Suspended(message=message_after(30 * DAY, "Waits.")), False),
        (Completed(), False),
        (Cancelled(), False),
    ],
    ids=["at work", "crashed", "its look was missed", "of another flow", "after 30 days", "done", "cancelled"],
)
def test_what_no_timer_looks_after_is_left_alone(state: State[Any], wanted: bool) -> None:
    """Nothing is heard of it, and to resume it would only suspend it again, each time in a process of its own."""
    assert needs_help(state) is wanted
