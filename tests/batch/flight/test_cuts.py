"""What goes on of an input file that found no room: pieces that hold its items, the same on every start."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prefect_openai_batch import ChatRequest, ReadElsewhere
from prefect_openai_batch.batch import leases
from prefect_openai_batch.batch.files.batches import BatchError
from prefect_openai_batch.batch.files.identity import enqueued_tokens
from prefect_openai_batch.batch.files.input_files import INPUT, InputFile
from prefect_openai_batch.batch.files.lines import Lines
from prefect_openai_batch.batch.files.pieces import CUT
from prefect_openai_batch.batch.files.token_sizes import FileTokens
from prefect_openai_batch.batch.flight.bounds import Bounds, Told
from prefect_openai_batch.batch.flight.cuts import cut, pieces_of, record_pieces, recorded_pieces, told_limit
from prefect_openai_batch.batch.jobs import building
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.leases import Holder, Lease
from prefect_openai_batch.batch.limits import Limits

from ..conftest import MakeJob, built, kept
from .conftest import file

ROWS = [{"id": f"r{number}", "text": f"text {number}", "model": "m"} for number in range(10)]


def ids(piece: InputFile) -> list[str]:
    with piece.files.open(INPUT) as lines:
        return [json.loads(line)["custom_id"] for line in lines]


@pytest.mark.parametrize(
    ("tokens", "limit", "alone", "items", "pieces"),
    [
        pytest.param(10, None, True, 4, 2, id="alone-in-two"),
        pytest.param(10, None, True, 1, 1, id="one-item-waits-for-those-whom-we-do-not-see"),
        pytest.param(None, 10, True, 1, 1, id="one-item-of-which-nobody-can-tell-waits"),
        pytest.param(10, None, False, 4, 2, id="beside-others-in-two"),
        pytest.param(10, None, False, 1, 1, id="one-item-waits-for-others"),
        pytest.param(1000, 100, False, 500, 100, id="over-the-told-limit-at-once-small-enough"),
        pytest.param(1000, 100, False, 50, 50, id="of-few-items-no-more-pieces-than-those"),
        pytest.param(25, 100, False, 50, 3, id="under-the-told-limit-as-small-as-those-built-under-it"),
        pytest.param(10, 100, False, 50, 2, id="as-small-already-in-two"),
        pytest.param(1000, 100, False, 1, 0, id="one-item-over-the-told-limit-is-final"),
        pytest.param(10, 100, True, 1, 1, id="one-item-that-surely-fits-waits"),
    ],
)
def test_into_how_many_pieces(tokens: int | None, limit: int | None, alone: bool, items: int, pieces: int) -> None:
    """In two, or so many that each is a tenth of the limit; never a single item that is over the limit again."""
    assert pieces_of(file(0, tokens, items=items), limit, alone=alone) == pieces


@pytest.mark.parametrize("tokens", [50, None], ids=["by-its-bytes", "of-which-nobody-can-tell"])
@pytest.mark.parametrize("limit", [None, 100])
def test_an_item_that_may_be_over_the_limit_is_not_sent_for_ever(tokens: int | None, limit: int | None) -> None:
    """Others may take it all, or it is over: that it found no room a third time, alone, says which."""
    item = file(0, tokens, items=1)
    tries = [pieces_of(item, limit, alone=True, refusals=number) for number in (1, 2, 3)]
    assert tries == [1, 1, 0]
    assert pieces_of(item, limit, alone=False, refusals=30) == 1
    assert pieces_of(file(0, 10, items=1), 100, alone=True, refusals=30) == 1  # whatever its language, it fits


def test_an_item_whose_tokens_are_overestimated_waits_for_others() -> None:
    """Prose has five bytes a token: what is a tenth over the limit by four may fit when nothing else is there."""
    document = file(0, 95_001, items=1)
    assert pieces_of(document, 90_000, alone=False) == 1
    bounds = Bounds(told={document.model: Told(0.0, 90_000)})
    assert not bounds.is_judged_at_once(document)
    assert bounds.is_judged_at_once(file(0, 200_000, items=1))


def test_beside_others_it_is_cut_a_few_times_only() -> None:
    """Where they take all the room, no piece is small enough."""
    small = file(0).model_copy(update={"name": f"00000-0{f'{CUT}-0' * 4}"})
    assert pieces_of(small, None, alone=False) == 1
    once = file(0).model_copy(update={"name": f"00000-0{CUT}10-0"})
    assert [pieces_of(once, limit, alone=False) for limit in (None, 100)] == [2, 1]
    assert pieces_of(file(0), 100, alone=False) == 2


def test_a_refusal_names_its_limit() -> None:
    """By OpenAI's words; other words name none."""
    words = "Enqueued token limit reached for gpt-4o-mini in organization org-x. Limit: 2,000,000 enqueued tokens."
    assert told_limit([BatchError(code="token_limit_exceeded", message=words)]) == 2_000_000
    azures = "The number of enqueued tokens has surpassed the configured limit of 30K for the deployment 'mine'."
    assert told_limit([BatchError(message=azures)]) == 30_000
    assert told_limit([BatchError(message=azures.replace("30K", "1.5M"))]) == 1_500_000
    assert told_limit([BatchError(message=words.replace("2,000,000", "0"))]) is None
    assert told_limit([BatchError(message=None), BatchError(message="Limit: none")]) is None


@pytest.mark.parametrize("pieces", [2, 3, 10])
def test_pieces_hold_all_items_once_and_in_order(make_job: MakeJob, pieces: int) -> None:
    """They are recorded, and found again; each tells its own tokens."""
    job = make_job(ROWS)
    (whole,) = built(job)
    made = cut(whole, pieces)
    record_pieces(job, whole, CUT, made)
    assert [name for piece in made for name in ids(piece)] == ids(whole)
    assert len(made) == pieces
    assert recorded_pieces(job, whole, CUT) == made
    assert set(made) <= set(job.input_files())
    assert len({piece.sha256 for piece in made}) == pieces
    assert sum(piece.tokens.input or 0 for piece in made) == whole.tokens.input
    assert whole.tokens != FileTokens()


def test_one_process_at_a_time_builds(make_job: MakeJob) -> None:
    """Another waits for it, and takes what it has built: both would write one file, each on its own terms."""
    job = make_job(ROWS)
    kept(job)
    (selection,) = plan_round(job)
    job.round_folder(1).make()
    lease = Lease(job.round_folder(1), "building-00000.json", "builds items")
    assert lease.take(lambda: None) is None
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(build_selection, job, selection, Limits(items=3))
        time.sleep(1)
        assert not other.done()
        assert job.input_files() == []
        lease.give_back()
        assert [file.items for file in other.result(timeout=60)] == [3, 3, 3, 1]


def test_whose_building_was_taken_over_ends(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes no more into files that another writes, and records nothing."""
    monkeypatch.setattr(leases, "RENEWED_SECONDS", 0.05)
    job = make_job(ROWS)
    kept(job)
    (selection,) = plan_round(job)
    job.round_folder(1).make()
    name, seen = "building-00000.json", list[int]()

    def slowly(lines: Iterator[Lines], *given: Any) -> Iterator[Lines]:
        job.round_folder(1).write(name, Holder(name="other"))
        time.sleep(0.3)
        for some in while_held(lines, *given):
            seen.append(1)
            yield some

    while_held = building._while_held
    monkeypatch.setattr(building, "_while_held", slowly)
    with pytest.raises(ReadElsewhere, match="taken over building"):
        build_selection(job, selection)
    assert (seen, job.input_files()) == ([], [])
    assert job.round_folder(1).read(name, Holder) == Holder(name="other")


def test_files_are_cut_at_their_share_of_the_bound(make_job: MakeJob) -> None:
    """At building; an item that is larger alone has a file of its own."""
    job = make_job(ROWS)
    files = built(job, tokens=20)
    assert len(files) > 2
    assert all((one.tokens.input or 0) <= 20 for one in files)
    job.round_folder(1).remove("00000.json")
    assert [one.items for one in built(job, tokens=1)] == [1] * 10


def test_who_is_first_to_record_says_what_is_sent(make_job: MakeJob) -> None:
    """Of two starts under different terms; and of two that cut one file: else a row would be in two batches."""
    job = make_job(ROWS)
    (whole,) = built(job)
    lines = ids(whole)
    assert built(job, tokens=20) == [whole] == job.input_files()
    assert (ids(whole), whole.read_items().num_rows) == (lines, 10)
    halves, thirds = cut(whole, 2), cut(whole, 3)
    assert record_pieces(job, whole, CUT, halves) == halves
    assert record_pieces(job, whole, CUT, thirds) == halves == recorded_pieces(job, whole, CUT)
    job.round_folder(1).remove("00000.json")
    (Path(job.folder) / "rounds/1/00000.json").touch()  # where there are no links, who claims may die in the act
    assert len(built(job, tokens=20)) > 1


@pytest.mark.parametrize(
    ("image", "items"),
    [("https://example.com/image.png", 10), ("data:image/png;base64," + "A" * 400_000, 2)],
    ids=["by-their-addresses", "as-they-are"],
)
def test_items_of_unknown_tokens_are_cut_at_their_share_too(make_job: MakeJob, image: str, items: int) -> None:
    """By what they are taken for when there is room: their bytes, and no more than an image may take."""
    shown = {"type": "image_url", "image_url": {"url": "{{ text }}"}}
    request = ChatRequest(model="m", messages=[{"role": "user", "content": [shown]}])
    files = built(make_job([{"text": image}] * 10, request), tokens=4_500)
    assert [one.items for one in files] == [items] * (10 // items)
    assert all(one.tokens.input is None and enqueued_tokens(one) <= 4_500 for one in files)
