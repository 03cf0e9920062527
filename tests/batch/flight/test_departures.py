"""Which input files may go: never over the bound, never more than may be open, and everybody in the end."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.batches import WINDOW_SECONDS, Batch, BatchError, BatchStatus
from prefect_openai_batch.batch.files.identity import enqueued_of
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.flight.bounds import Bounds, Told
from prefect_openai_batch.batch.flight.departures import ROOM_SECONDS, Departures
from prefect_openai_batch.batch.flight.enqueued import Enqueued
from prefect_openai_batch.batch.jobs.options import ROOM_LOOK_SECONDS, Pauses

from .conftest import BOUND, batch_of, file, leave

MODEL = "gpt-5-mini"


def test_a_batch_says_what_it_enqueues() -> None:
    """Its model and its tokens; where nobody can tell them, by its bytes. One of others' counts as nothing."""
    assert enqueued_of(batch_of(file(0, 70))) == ("gpt-5-mini", 70)
    assert enqueued_of(batch_of(file(0, None))) == ("gpt-5-mini", 100)
    assert enqueued_of(Batch(id="x", status="in_progress", metadata={"enqueued_tokens": "many"})) == ("", 0)


def test_only_live_batches_are_counted() -> None:
    """As OpenAI counts them: from validation on, until they have ended; cancelling is not the end."""
    enqueued = Enqueued.of(batch_of(file(0, 1), status) for status in BatchStatus)
    assert enqueued.taken("gpt-5-mini") == 4


def test_as_many_are_open_as_may_be() -> None:
    """In flight there are no more; after a refusal no more than were open then; each that ends makes room."""
    departures = Departures(map(file, range(9)), [], in_flight=4)
    assert [one.name[4] for one in leave(departures)] == ["0", "1", "2", "3"]
    departures.landed(departures.flying[0], 1000.0)
    departures.lacked_room([file(9)])
    assert leave(departures) == []
    departures.landed(departures.flying[0], 1000.0)
    departures.had_room(None)
    assert [one.name[4] for one in leave(departures)] == ["9", "4"]


def test_a_known_limit_is_kept_by_tokens() -> None:
    """After a refusal too, as many may be open as before: their tokens are looked at, and not their number."""
    departures = Departures(map(file, range(9)), [], in_flight=4, bounds=Bounds(told={MODEL: Told(0, BOUND)}))
    assert len(leave(departures, Enqueued())) == 4
    departures.landed(departures.flying[0], 1000.0)
    departures.lacked_room([file(9)])
    assert leave(departures, Enqueued()) == [file(9)]


def test_a_refusal_keeps_its_whole_model_for_a_while() -> None:
    """Who holds the room may be seen in no list: one file asks again, not each in its turn, and others go on."""
    other = file(5).model_copy(update={"model": "gpt-5"})
    times = {file(9).folder: 1060.0}
    departures = Departures(
        [*map(file, range(3)), other], [], 9, Bounds(BOUND), not_before=lambda one: times.get(one.folder, 0.0)
    )
    departures.lacked_room([file(9)])
    assert leave(departures, Enqueued(), 1000.0) == [other]
    departures.looked(1000.0)
    assert departures.looks_again_at() == 1060
    for now in (1060.0, 1200.0):  # refused again, and taken the other time
        assert leave(departures, Enqueued(), now) == [file(9)]
        assert leave(departures, Enqueued(), now + 79) == []
        departures.looked(now + 79)
        assert departures.looks_again_at() == now + 80
        if now == 1060:
            departures.landed(departures.flying[-1], now + 60)
            times[file(9).folder] = 1200.0
            departures.lacked_room([file(9)])
    assert leave(departures, Enqueued(), 1280.0) == [*map(file, range(3))]


def test_a_refusal_outlasts_what_asked_before_it() -> None:
    """Another batch of the model is refused while one asks: then that one asks anew, when it may."""
    times = {file(8).folder: 1000.0}
    departures = Departures(
        [], [batch_of(file(7))], 9, Bounds(BOUND), not_before=lambda one: times.get(one.folder, 0)
    )
    departures.lacked_room([file(8)])
    assert leave(departures, Enqueued(), 1000.0) == [file(8)]
    departures.landed(departures.flying[0], 1030.0)
    times[file(7).folder] = 1300.0
    departures.lacked_room([file(7)])
    departures.goes_on([file(0)])
    assert leave(departures, Enqueued(), 1299.0) == []
    assert leave(departures, Enqueued(), 1300.0) == [file(7)]


def test_what_openai_does_not_take_for_now_goes_behind_the_others() -> None:
    """So one that it never takes keeps no other back; it is tried again soon, whatever else is open."""
    departures = Departures(map(file, range(3)), [batch_of(file(9))], 9, Bounds(BOUND), Pauses(2, 900))
    going = departures.leave(1, lambda _: True, 1000.0, Enqueued())
    departures.hold([], going)
    departures.looked(1000.0)
    assert departures.waiting == [file(1), file(2), file(0)]
    assert departures.looks_again_at() == 1002


def test_what_a_batch_held_is_free_when_it_has_ended() -> None:
    """Then the next of its model goes at once, put off as it may have been for want of room."""
    departures = Departures([file(0)], [batch_of(file(1))], 9, Bounds(BOUND), not_before=lambda _: 0.0)
    departures.bounds.close("gpt-5-mini-2025-08-07", 1060.0)
    assert leave(departures, Enqueued(), 1000.0) == []
    departures.landed(departures.flying[0], 1000.0)
    departures.had_room(file(1))
    assert leave(departures, Enqueued(), 1000.0) == [file(0)]


def test_what_is_kept_back_keeps_no_other_back() -> None:
    """A file that must wait longer lets the next one pass."""
    departures = Departures(map(file, range(2)), [], in_flight=4)
    assert departures.leave(4, lambda one: one.name == "00001-0", 0.0) == [file(1)]
    assert departures.waiting == [file(0)]


def test_none_overtakes_what_lacks_room() -> None:
    """Of its model: so that a large file is not kept waiting by small ones."""
    departures = Departures([file(0, 60), file(1, 10)], [], in_flight=4, bounds=Bounds(BOUND))
    assert leave(departures, Enqueued.of([batch_of(file(2, 50, "other"))])) == []


def test_none_goes_twice() -> None:
    """A file that waits or flies already, as pieces do after a crash, is not taken again."""
    departures = Departures([file(0)], [batch_of(file(1))], in_flight=4)
    departures.goes_on([file(0), file(1), file(2)])
    assert departures.waiting == [file(0), file(2)]


def test_a_file_over_the_bound_goes_alone() -> None:
    """OpenAI judges it; nothing else of the model is open then."""
    large = Departures([file(0, 2 * BOUND)], [], in_flight=4, bounds=Bounds(BOUND))
    assert leave(large, Enqueued.of([batch_of(file(1, 1, "other"))])) == []
    assert leave(large, Enqueued()) == [file(0, 2 * BOUND)]


def test_looks_for_room_come_less_often_until_a_batch_ends() -> None:
    """As looks at batches do, and seldom where only our own hold the room."""
    departures = Departures([file(0)], [batch_of(file(1))], 4, Bounds(BOUND), Pauses(2, 900))
    times, now = [], 1000.0
    for _ in range(60):
        assert leave(departures, Enqueued.of([batch_of(file(2, BOUND, "other"))])) == []
        departures.looked(now)
        at = departures.looks_again_at()
        assert at is not None
        times.append(at - now)
        now = at
    assert times == sorted(times)
    assert (times[0], times[-1]) == (2, ROOM_LOOK_SECONDS)
    leave(departures, Enqueued.of([batch_of(file(2, BOUND))]))
    departures.looked(now)
    assert departures.looks_again_at() == now + 900
    departures.landed(departures.flying[0], 1000.0)
    assert departures.looks_again_at() == 0


def test_who_was_overtaken_looks_again_soon() -> None:
    """Room that was seen may be taken by others before it is ours: that is no reason to wait for ends of ours."""
    departures = Departures(map(file, range(3)), [batch_of(file(9))], in_flight=4, bounds=Bounds(BOUND))
    going = departures.leave(2, lambda _: True, 1000.0, Enqueued())
    departures.hold(going, [])
    departures.looked(1000.0)
    assert departures.looks_again_at() == 1002
    assert departures.waiting == [file(0), file(1), file(2)]


def test_where_nothing_of_ours_is_open_looks_come_soon() -> None:
    """No end of ours can make room then, whatever keeps a file back."""
    departures = Departures([file(0)], [], in_flight=4, bounds=Bounds(BOUND))
    assert departures.leave(4, lambda _: False, 1000.0, Enqueued()) == []
    departures.looked(1000.0)
    assert departures.looks_again_at() == 1002


@pytest.mark.parametrize("bounds", [Bounds(), Bounds(BOUND)], ids=["free", "bounded"])
def test_what_is_put_off_goes_in_its_time(bounds: Bounds) -> None:
    """Not with the next end of a batch, nor with the next look for room; its record is read once."""
    known = [7.0]
    departures = Departures([file(0)], [batch_of(file(1))], 4, bounds, not_before=lambda _: known.pop())
    for now in (4.0, 5.0):
        assert leave(departures, Enqueued(), now) == []
        departures.looked(now)
        assert departures.looks_again_at() == 7
    assert leave(departures, Enqueued(), 7.0) == [file(0)]


def test_who_looks_once_leaves_no_room() -> None:
    """A detached run takes all that is free: nothing of it would come for the rest."""
    departures = Departures(map(file, range(20)), [], 20, Bounds(BOUND), yields=False)
    assert len(leave(departures, Enqueued())) == 10


def test_a_limit_that_a_refusal_tells_binds_the_rest_of_its_model() -> None:
    """The smaller of both holds, for a day: of pieces that fit by twos, two go at once."""
    told = BatchError(code="token_limit_exceeded", message="Limit: 200 enqueued tokens.")
    refused = batch_of(file(0)).model_copy(update={"errors": (told,), "created_at": 1000})
    bounds, late = Bounds(1000), Bounds(1000)
    bounds.learn([refused, batch_of(file(1))], 1001.0)
    late.learn([refused], 1000.0 + WINDOW_SECONDS)
    assert [bounds.of("gpt-5-mini"), bounds.of("other"), late.of("gpt-5-mini")] == [200, 1000, 1000]
    risen = BatchError(code="token_limit_exceeded", message="Limit: 300 enqueued tokens.")
    newer = refused.model_copy(update={"errors": (risen,), "created_at": 1500})
    for batches in ([refused, newer], [newer, refused]):
        among = Bounds()
        among.learn(batches, 1600.0)
        assert among.of("gpt-5-mini") == 300
        among.let_go(1500.0 + WINDOW_SECONDS)
        assert among.of("gpt-5-mini") is None
    pieces = Departures((file(number, 95) for number in range(6)), [], 20, bounds, yields=False)
    assert len(leave(pieces, Enqueued())) == 2


def test_a_file_over_a_told_limit_waits_for_no_room() -> None:
    """Others may never leave so much: OpenAI refuses it at once, and its pieces then wait like any."""
    bounds = Bounds(told={MODEL: Told(0, BOUND)})
    files = [file(0, 2 * BOUND), file(1), file(2, BOUND, "other")]
    departures = Departures(files[:2], [], 4, bounds)
    assert leave(departures, Enqueued.of([batch_of(files[2])])) == files[:1]
    assert [bounds.for_file(one) for one in files] == [None, BOUND, BOUND]


@pytest.mark.parametrize(
    ("bounds", "waiting"),
    [
        pytest.param(Bounds(BOUND), file(0, 2 * BOUND), id="a-bound-that-somebody-gave"),
        pytest.param(Bounds(told={MODEL: Told(0, 50)}), file(0, None, items=1), id="an-item-of-unknown-tokens"),
    ],
)
def test_what_openai_may_take_waits_until_it_is_alone(bounds: Bounds, waiting: InputFile) -> None:
    """As it goes again unchanged, or is more than somebody wants there."""
    departures = Departures([waiting], [], 4, bounds)
    assert leave(departures, Enqueued.of([batch_of(file(1, 1, "other"))])) == []
    assert leave(departures, Enqueued()) == [waiting]


@pytest.mark.parametrize("date", ["2025-08-07", "0613"])
def test_a_model_and_its_snapshots_share_a_limit(date: str) -> None:
    """As they do at OpenAI: what one has enqueued, the other has not; and so does what a refusal tells."""
    dated = file(0, 60).model_copy(update={"model": f"gpt-5-mini-{date}", "job_key": "other"})
    told = BatchError(code="token_limit_exceeded", message="Limit: 100 enqueued tokens.")
    refused = batch_of(dated).model_copy(update={"errors": (told,), "created_at": 1000})
    bounds = Bounds()
    bounds.learn([refused], 1001.0)
    assert bounds.of("gpt-5-mini") == bounds.of(dated.model) == BOUND
    taken = Enqueued.of([batch_of(dated)])
    assert [taken.taken(model) for model in ("gpt-5-mini", dated.model, "gpt-5")] == [60, 60, 0]
    assert taken.held_by_others(file(1))
    assert not taken.has_room(file(1, 50), bounds.of("gpt-5-mini"))


sizes = st.lists(st.integers(1, BOUND // 5), min_size=1, max_size=12)


@given(jobs=st.lists(sizes, min_size=1, max_size=6), order=st.randoms(use_true_random=False))
def test_the_bound_holds_and_nobody_starves(jobs: Sequence[Sequence[int]], order: Random) -> None:
    """Whoever looks when, and whichever batch ends next: never over the bound, and every file goes."""
    runs = [
        Departures([file(number, size, f"job-{run}") for number, size in enumerate(of)], [], 20, Bounds(BOUND))
        for run, of in enumerate(jobs)
    ]
    for now in range(20 * sum(map(len, jobs))):
        run = order.choice(runs)
        enqueued = Enqueued.of(batch for other in runs for batch in other.flying)
        leave(run, enqueued, now)
        run.looked(now)
        assert enqueued.taken("gpt-5-mini") <= BOUND
        if run.flying and order.random() < 0.5:
            run.landed(order.choice(run.flying), now)
    for run in runs:
        while run.waiting or run.flying:
            leave(run, Enqueued.of(run.flying), now)
            run.looked(now)
            now += int(ROOM_SECONDS)
            for batch in list(run.flying):
                run.landed(batch, now)
    assert not any(run.waiting for run in runs)
