"""Which input files may go: never over the bound, never more than may be open, and everybody in the end."""

from collections.abc import Sequence
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.batches import WINDOW_SECONDS, Batch, BatchError, BatchStatus
from prefect_openai_batch.batch.files.identity import enqueued_of, with_tokens
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.token_sizes import FileTokens
from prefect_openai_batch.batch.flight.bounds import Bounds
from prefect_openai_batch.batch.flight.departures import ROOM_SECONDS, Departures
from prefect_openai_batch.batch.flight.enqueued import Enqueued
from prefect_openai_batch.batch.jobs.options import ROOM_LOOK_SECONDS, Pauses
from prefect_openai_batch.batch.requests.endpoints import Endpoint

BOUND = 100


def file(number: int, tokens: int | None = 10, job: str = "job", items: int = 4) -> InputFile:
    name = f"{number:05d}-0"
    return InputFile(
        folder=f"{job}/{name}",
        job_key=job,
        name=name,
        endpoint=Endpoint.CHAT_COMPLETIONS,
        model="gpt-5-mini",
        items=items,
        bytes=400,
        sha256=name,
        first_row=0,
        last_row=0,
        tokens=FileTokens(input=tokens),
    )


def batch_of(sent: InputFile, status: str = "in_progress", created_at: float = 1) -> Batch:
    metadata = with_tokens({"job_key": sent.job_key or ""}, sent)
    return Batch(id=sent.folder, status=status, metadata=metadata, input_file=sent, created_at=int(created_at))


def leave(departures: Departures, enqueued: Enqueued | None = None, now: float = 0.0) -> list[InputFile]:
    gone = departures.leave(99, lambda _: True, now, enqueued)
    departures.flying += [batch_of(one, created_at=now) for one in gone]
    return gone


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
    departures.lacked_room()
    assert leave(departures) == []
    departures.landed(departures.flying[0], 1000.0)
    departures.had_room()
    assert len(leave(departures)) == 2


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
    departures.hold(going)
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
    pieces = Departures((file(number, 95) for number in range(6)), [], 20, bounds, yields=False)
    assert len(leave(pieces, Enqueued())) == 2


def test_a_file_over_a_told_limit_waits_for_no_room() -> None:
    """Others may never leave so much: OpenAI refuses it at once, and its pieces then wait like any."""
    bounds = Bounds(told={"gpt-5-mini": BOUND})
    files = [file(0, 2 * BOUND), file(1), file(2, BOUND, "other")]
    departures = Departures(files[:2], [], 4, bounds)
    assert leave(departures, Enqueued.of([batch_of(files[2])])) == files[:1]
    assert [bounds.for_file(one) for one in files] == [None, BOUND, BOUND]


@pytest.mark.parametrize(
    ("bounds", "waiting"),
    [
        pytest.param(Bounds(BOUND), file(0, 2 * BOUND), id="a-bound-that-somebody-gave"),
        pytest.param(Bounds(told={"gpt-5-mini": 50}), file(0, None, items=1), id="an-item-of-unknown-tokens"),
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
            now += ROOM_SECONDS
            for batch in list(run.flying):
                run.landed(batch, now)
    assert not any(run.waiting for run in runs)


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
    deep.lacked_room()
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


@given(
    minutes=st.floats(6, 24 * 60),
    spread=st.sampled_from([0.0, 0.3]),
    begins=st.floats(0, 86_400),
    chance=st.randoms(use_true_random=False),
    brisk=st.booleans(),
)
def test_a_late_job_gets_what_becomes_free_first(
    minutes: float, spread: float, begins: float, chance: Random, *, brisk: bool
) -> None:
    """Whenever it begins, and whether the batches of one that holds all end together or one by one."""
    deep = Departures(
        [file(number, job="deep") for number in range(5000)],
        [],
        20,
        Bounds(BOUND),
        Pauses(1, 5) if brisk else None,
    )
    late = Departures([file(0, job="late")], [], 20, Bounds(BOUND))
    seconds, ends = 60 * minutes, list[tuple[float, Batch]]()
    looks = {True: 0.0, False: begins}
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
    assert now - begins <= seconds * (1 + spread) + 2 * ROOM_SECONDS
