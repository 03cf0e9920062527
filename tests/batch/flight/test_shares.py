"""Who holds more than its share of the room leaves what becomes free to others for a while."""

from math import inf
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.flight.bounds import Bounds
from prefect_openai_batch.batch.flight.departures import ROOM_SECONDS, Departures
from prefect_openai_batch.batch.flight.enqueued import Enqueued
from prefect_openai_batch.batch.jobs.options import Pauses

from .conftest import BOUND, batch_of, file, leave


def deep_job() -> Departures:
    """A job that holds all the room since second 300, and has more to send."""
    deep = Departures([file(number, job="deep") for number in range(99)], [], 20, Bounds(BOUND))
    for now in (0.0, 300.0):
        leave(deep, Enqueued.of(deep.flying), now)
        deep.looked(now)
    assert len(deep.flying) == 10
    return deep


def test_who_has_its_share_leaves_room_for_others() -> None:
    """What becomes free first is left for a minute, however often one looks; a new job need not leave it."""
    deep = deep_job()
    for now in (1000.0, 1030.0, 1059.0):
        deep.landed(deep.flying[0], now)
        assert leave(deep, Enqueued.of(deep.flying), now) == []
        deep.looked(now)
        assert (deep.leaves_room, deep.looks_again_at()) == (True, 1000.0 + ROOM_SECONDS)
    new = Departures([file(0, job="new")], [], 20, Bounds(BOUND))
    assert leave(new, Enqueued.of(deep.flying), 1059.0) == [file(0, job="new")]
    assert len(leave(deep, Enqueued.of([*deep.flying, *new.flying]), 1060.0)) == 2
    deep.looked(1060.0)
    assert not deep.leaves_room


def test_room_is_left_as_long_where_all_batches_ended_at_once() -> None:
    """Those that went then are young, and say nothing of how long others have waited."""
    deep = deep_job()
    for batch in list(deep.flying):
        deep.landed(batch, 1000.0)
    assert len(leave(deep, Enqueued(), 1000.0)) == 5
    deep.looked(1000.0)
    assert deep.looks_again_at() == 1000.0 + ROOM_SECONDS


def test_room_that_others_took_is_left_anew() -> None:
    """What comes free later has been left to nobody yet."""
    deep = deep_job()
    other = [batch_of(file(0, job="other"))]
    deep.landed(deep.flying[0], 1000.0)
    for now, holders, gone in ((1000.0, [], 0), (1030.0, other, 0), (2000.0, [], 0), (2060.0, [], 1)):
        assert len(leave(deep, Enqueued.of([*deep.flying, *holders]), now)) == gone
        deep.looked(now)


def leaving_job() -> Departures:
    """A job that leaves room from second 1000 on."""
    deep = deep_job()
    deep.landed(deep.flying[0], 1000.0)
    assert leave(deep, Enqueued.of(deep.flying), 1000.0) == []
    deep.looked(1000.0)
    assert deep.leaves_room
    return deep


def test_who_sends_nothing_more_leaves_no_room() -> None:
    """It was stopped, or no more of its batches may be open: it has nothing to stay for."""
    deep = leaving_job()
    deep.room = len(deep.flying)
    assert not deep.leaves_room
    deep = leaving_job()
    deep.waiting.clear()
    assert not deep.leaves_room


def test_who_comes_down_to_its_share_leaves_no_room() -> None:
    """Its next file goes at once, and nothing is left of the while for which it would have waited."""
    deep = leaving_job()
    del deep.flying[4:], deep.waiting[1:]
    assert len(leave(deep, Enqueued.of(deep.flying), 1010.0)) == 1
    deep.goes_on([file(0, 200, job="deep")])
    assert leave(deep, Enqueued.of(deep.flying), 1010.0) == []
    deep.looked(1010.0)
    assert not deep.leaves_room


@settings(max_examples=25)
@given(
    minutes=st.floats(6, 90),
    spread=st.sampled_from([0.0, 0.3]),
    begins=st.floats(0, 6),
    chance=st.randoms(use_true_random=False),
    brisk=st.booleans(),
)
def test_a_late_job_gets_what_becomes_free_first(
    minutes: float, spread: float, begins: float, chance: Random, *, brisk: bool
) -> None:
    """Whenever it begins, and whether the batches of one that holds all end together or one by one."""
    deep = Departures(
        [file(number, job="deep") for number in range(200)],
        [],
        20,
        Bounds(BOUND),
        Pauses(1, 5) if brisk else None,
    )
    late = Departures([file(0, job="late")], [], 20, Bounds(BOUND))
    seconds, ends = 60 * minutes, list[tuple[float, Batch]]()
    looks = {True: 0.0, False: begins * seconds}
    while late.waiting:
        now = min([*looks.values(), *(end for end, _ in ends)])
        for end, batch in [one for one in ends if one[0] <= now]:
            ends.remove((end, batch))
            deep.landed(batch, now)
            looks[True] = now
        is_deep = looks[True] <= now
        looking, open_before = (deep, deep.flying.copy()) if is_deep else (late, [])
        leave(looking, Enqueued.of(deep.flying), now)
        looking.looked(now)
        new = [batch for batch in looking.flying if batch not in open_before]
        ends += [(now + seconds * (1 + spread * chance.random()), batch) for batch in new if is_deep]
        looks[is_deep] = looking.looks_again_at() or inf
    assert now - begins * seconds <= seconds * (1 + spread) + 2 * ROOM_SECONDS
