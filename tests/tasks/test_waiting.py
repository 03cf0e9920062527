"""How long is waited, and for what."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain, repeat
from math import inf, nan
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed
from prefect_openai_batch import ChatRequest, RunOptions, sensor_options, wait_for_batch, wait_for_batches
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import BatchNotFinished
from prefect_openai_batch.batch.files.batches import (
    COUNTED_GRACE_SECONDS,
    LATE_SECONDS,
    LOST_SECONDS,
    WINDOW_SECONDS,
    Batch,
    read_batch,
)
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.jobs.submissions import has_ended
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.looking import look_at
from prefect_openai_batch.tasks.remote.tries import CHECKING
from prefect_openai_batch.tasks.wait import LONGEST_WAIT_SECONDS, SHORTEST_DELAY_SECONDS
from pydantic import ValidationError

NOW = 1_800_000_000.0


@pytest.fixture
def still_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our clock stands still."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.mark.usefixtures("still_clock")
@given(
    seconds=st.floats(1, 200_000),
    age=st.floats(0, 200_000),
    poll=st.floats(0.1, 100),
    max_poll=st.floats(1, 1_000),
)
def test_a_look_comes_when_the_deadline_does(seconds: float, age: float, poll: float, max_poll: float) -> None:
    """Not a poll too late, and never more delays than Prefect takes."""
    deadline = datetime.fromtimestamp(NOW + seconds, UTC)
    options = sensor_options(NOW - age, poll_seconds=poll, max_poll_seconds=max_poll, deadline=deadline)
    delays = options["retry_delay_seconds"]
    assert 1 <= len(delays) <= 50
    passed = 0.0
    for number, delay in enumerate(chain(delays, repeat(delays[-1]))):
        if passed >= seconds - 1e-3:
            break
        assert number < options["retries"]
        passed += delay
    assert passed <= seconds + 2 * SHORTEST_DELAY_SECONDS + 1e-3


@pytest.mark.parametrize("pause", [inf, nan, 1e12])
def test_a_look_comes_some_time(pause: float) -> None:
    """A pause that never ends, or that no date can hold, is refused before anything is waited for."""
    given: list[dict[str, Any]] = [{"poll_seconds": pause}, {"max_poll_seconds": pause}]
    for refused in given:
        with pytest.raises(ValueError, match=r"neither may be more than 86400, a day"):
            sensor_options(**refused)
        with pytest.raises(ValidationError):
            RunOptions(**refused)


@pytest.mark.parametrize("field", ["in_flight", "max_enqueued_tokens", "max_rounds"])
def test_a_flag_is_no_number(field: str) -> None:
    """True would be one batch, one token or one round at a time."""
    with pytest.raises(ValidationError, match="not true or false"):
        RunOptions.model_validate({field: True})


@pytest.mark.parametrize(("looked_at", "again"), [(NOW - 0.001, True), (NOW, False)])
def test_after_the_deadline_there_is_one_look_more(looked_at: float, again: bool) -> None:
    """Also where the deadline comes between a look and the question whether there is to be another."""
    looks_again = sensor_options(deadline=datetime.fromtimestamp(NOW, UTC))["retry_condition_fn"]
    assert looks_again(None, None, Failed(data=BatchNotFinished("none", looked_at=looked_at))) is again


@pytest.mark.usefixtures("still_clock")
@pytest.mark.parametrize(("minutes", "again"), [(-60, True), (0, True), (2, False), (60, False)])
def test_an_outage_is_not_waited_out_beyond_the_deadline(minutes: int, again: bool) -> None:
    """A look that does not get through is followed by another as long as there is time, and soon by none."""
    deadline = datetime.fromtimestamp(NOW - 60 * minutes, UTC)
    away = openai.APIConnectionError(request=httpx2.Request("GET", "https://away"))
    assert sensor_options(deadline=deadline)["retry_condition_fn"](None, None, Failed(data=away)) is again


def test_a_look_at_the_deadline_that_does_not_get_through_has_found_none(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried for seconds; who looks once for many jobs hears of it."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    batch = find_or_create(connection, file, 0)
    server.fail(RouteFault(kind="http_error", route="GET *"))
    past, before = datetime(2020, 1, 1, tzinfo=UTC), len(server.requests())
    assert wait_for_batches.fn([batch], deadline=past) == []
    assert len(server.requests()) - before == CHECKING.most
    with pytest.raises(openai.InternalServerError):
        wait_for_batches.fn([batch], deadline=past, again=False)


def test_a_process_may_be_older_than_the_longest_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sensors' options are made when the process begins; how long they look counts from the first look."""
    later = time.time() + LONGEST_WAIT_SECONDS + 1
    monkeypatch.setattr(clock, "now", lambda: later)
    looks_again = wait_for_batch.retry_condition_fn
    assert looks_again is not None
    run = TaskRun(task_key="wait", dynamic_key="0")
    assert looks_again(wait_for_batch, run, Failed(data=BatchNotFinished("none", looked_at=later)))


def test_a_look_that_waits_for_nothing_is_tried_again(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the deadline it is not, for the next look is the next try."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    batch = find_or_create(connection, file, 0)
    server.fail(RouteFault(kind="http_error", route="GET */batches/*", calls=(1, 2, 3)))
    with pytest.raises(openai.InternalServerError):
        wait_for_batches.fn([batch])
    server.advance(86_400)
    (ended,) = wait_for_batches.fn([batch], deadline=datetime(2020, 1, 1, tzinfo=UTC))
    assert ended.status == "completed"


def test_a_day_is_fewer_than_two_hundred_looks() -> None:
    """They come every two seconds at first, and less often as the batch grows older."""
    options = sensor_options()
    delays = options["retry_delay_seconds"]
    assert (delays[0], delays[-1]) == (2, 600)
    assert delays == sorted(delays)
    rest = (86_400 - sum(delays)) / delays[-1]
    assert len(delays) + rest < 200


def test_a_batch_that_only_the_list_shows_is_waited_for(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """The list shows it; two days after its window it is taken to be lost."""
    batch = find_or_create(connection, file, 0)
    server.fail(RouteFault(kind="not_found", route="GET */batches/*"))
    (seen,) = look_at(connection, [batch])
    assert seen == batch
    assert batch.created_at is not None
    closed = batch.created_at + WINDOW_SECONDS
    assert not seen.has_ended(closed + LOST_SECONDS - 1)
    assert seen.has_ended(closed + LOST_SECONDS + 1)


def test_a_late_batch_that_cannot_be_cancelled_is_waited_for(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that nobody knows any more when its end is asked for."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    batch = find_or_create(connection, file, 0)
    server.fail(RouteFault(kind="not_found", route="POST */cancel"))
    true_now = clock.now
    monkeypatch.setattr(clock, "now", lambda: true_now() + WINDOW_SECONDS + LATE_SECONDS + 60)
    with pytest.raises(BatchNotFinished):
        wait_for_batches.fn([batch])
    assert "POST" in {one["method"] for one in server.requests() if one["path"].endswith("/cancel")}


def test_a_batch_without_times_is_never_given_up() -> None:
    """Other servers leave them out."""
    assert not Batch(id="batch_1", status="in_progress").has_ended(NOW)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BatchServer, list[Batch]]]:
    """A server with 250 batches, a minute apart; the oldest first."""
    with (
        BatchServer(data=tmp_path_factory.mktemp("many"), speed=0) as server,
        openai.OpenAI(base_url=server.base_url, api_key="test") as client,
    ):
        items = [ChatRequest(model="gpt-5-mini", prompt="Say it.").item("item")]
        content = write_items(items, Folder(str(tmp_path_factory.mktemp("items"))))
        with content.files.open("input.jsonl") as file:
            uploaded = client.files.create(file=("input.jsonl", file.read()), purpose="batch").id
        batches = []
        for _ in range(250):
            batches.append(
                client.batches.create(
                    completion_window="24h", endpoint="/v1/chat/completions", input_file_id=uploaded
                )
            )
            server.advance(60)
        yield server, [read_batch(batch) for batch in batches]


@given(places=st.sets(st.integers(0, 249), min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_batches_are_looked_at_in_few_calls(many: tuple[BatchServer, list[Batch]], places: set[int]) -> None:
    """Never more than one each, nor than the pages back to the oldest; all of them are seen as they are."""
    server, batches = many
    wanted = [batches[place] for place in places]
    before = len(server.requests())
    with openai.OpenAI(base_url=server.base_url, api_key="test") as client:
        seen = look_at(Connection(client), wanted)
    calls = len(server.requests()) - before
    assert [batch.id for batch in seen] == [batch.id for batch in wanted]
    assert {batch.status for batch in seen} <= {"completed", "in_progress", "validating"}
    pages = (249 - min(places)) // 100 + 1
    assert calls <= min(len(wanted) + 1, pages + 1)


@pytest.mark.parametrize("status", ["completed", "expired", "cancelled"])
@pytest.mark.parametrize(
    "times",
    [{}, {"created_at": None}, {"completed_at": 0}, {"expired_at": 2**40}, {"expires_at": 2**40}],
    ids=["none", "not even its creation's", "the epoch", "the future", "its window"],
)
def test_an_ended_batch_without_files_is_waited_for_so_long(
    tmp_path: Path, status: str, times: dict[str, int | None]
) -> None:
    """Whatever its times say: an hour from when it was first seen to have ended, by whichever process."""
    item = ChatRequest(model="gpt-5-mini", prompt="Hello.").item("a")
    file = write_items(item, Folder(str(tmp_path)))
    told = {"created_at": int(NOW) - 86_400, **times, "request_counts": {"total": 1, "completed": 1}}
    batch = read_batch({"id": "batch_1", "status": status, **told}, file)
    assert not has_ended(batch, NOW)
    assert not has_ended(batch, NOW + COUNTED_GRACE_SECONDS)
    assert has_ended(batch, NOW + COUNTED_GRACE_SECONDS + 1)
    assert not has_ended(batch.model_copy(update={"id": "batch_2"}), NOW + COUNTED_GRACE_SECONDS + 1)


def test_an_ended_batch_of_somebody_else_is_waited_for_by_its_own_times() -> None:
    """There is no record of when it was first seen; without any time at all it is believed."""
    ended = {"id": "batch_1", "status": "completed"}
    assert read_batch(ended).has_ended(NOW)
    assert not read_batch({**ended, "completed_at": int(NOW) - 1}).has_ended(NOW)
