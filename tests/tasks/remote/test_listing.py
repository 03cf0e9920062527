"""How much room there is: by one listing of a day's batches, and then by what is newer."""

import re
from datetime import UTC, datetime

import openai
import pytest
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.identity import identity_of
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.options import SETTLE_SECONDS
from prefect_openai_batch.batch.jobs.submissions import claim
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.remote import listing
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import PAGE, Connection
from prefect_openai_batch.tasks.remote.listing import (
    SEEN_SECONDS,
    enqueued,
    enqueued_by_now,
    find_created,
    note_created,
)
from prefect_openai_batch.tasks.remote.uploads import upload

MODEL = "gpt-5-mini"


def test_a_claim_of_a_clock_that_is_behind_has_not_settled(
    connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By ours it is minutes old, and its batch was created just now: the list may lag still."""
    now, looks = clock.now(), list[float]()

    def pause(seconds: float) -> None:
        looks.append(seconds)
        monkeypatch.setattr(clock, "now", lambda: now + sum(looks))
        if sum(looks) > SETTLE_SECONDS / 2 and not created:
            created.append(find_or_create(connection, file, 0))

    created: list[Batch] = []
    monkeypatch.setattr(listing, "pause", pause)
    (found,) = find_created(connection, identity_of(file), now - 2 * SETTLE_SECONDS, SETTLE_SECONDS)
    assert [found.id] == [batch.id for batch in created]


@pytest.mark.parametrize(("days", "told"), [(3, ["4320 minutes"]), (0, []), (-3, [])])
def test_a_clock_that_is_ahead_is_told(
    connection: Connection,
    file: InputFile,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    days: int,
    told: list[str],
) -> None:
    """When a batch is created, days before one would be taken for late; what is behind takes none for late."""
    true_now = clock.now
    monkeypatch.setattr(clock, "now", lambda: true_now() + 86_400 * days)
    find_or_create(connection, file, 0)
    assert re.findall(r"clock is (\d+ minutes) ahead of OpenAI's", caplog.text) == told


def test_a_claim_laid_during_a_long_step_has_not_settled(
    connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that is minutes behind: it was waited for a turn for so long, but not for that claim."""
    now, passed = clock.now(), list[float]()
    monkeypatch.setattr(clock, "now", lambda: now + sum(passed))

    def pause(seconds: float) -> None:
        passed.append(seconds)
        if sum(passed) > 1.5 * SETTLE_SECONDS and not created:
            created.append(connection.create(upload(connection, file), file.endpoint, identity_of(file)))

    class Waiting(Connection):
        def take_turn(self) -> bool:
            passed.append(SETTLE_SECONDS)
            claim(file, 1, datetime.fromtimestamp(now - SETTLE_SECONDS, UTC))
            return True

    created: list[Batch] = []
    monkeypatch.setattr(listing, "pause", pause)
    found = find_or_create(Waiting(connection._client), file, SETTLE_SECONDS)
    assert [found.id] == [batch.id for batch in created]


def test_many_claims_settle_side_by_side(
    connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks for one after the other waits once for all that were there when it began."""
    now, paused = clock.now(), list[float]()
    monkeypatch.setattr(clock, "now", lambda: now + sum(paused))
    monkeypatch.setattr(listing, "pause", paused.append)
    for _ in range(3):
        assert find_created(connection, identity_of(file), now - 1, SETTLE_SECONDS, now) == []
    assert sum(paused) == pytest.approx(SETTLE_SECONDS)


def create(connection: Connection, file: InputFile, tokens: int) -> Batch:
    """A batch of somebody's that says it enqueues so many tokens."""
    metadata = {"job_key": "other", "model": MODEL, "enqueued_tokens": str(tokens)}
    return connection.create(upload(connection, file), file.endpoint, metadata)


def pages(server: BatchServer) -> int:
    return sum(one["method"] == "GET" and one["path"].endswith("/batches") for one in server.requests())


def test_after_one_look_at_all_only_the_newer_are_listed(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """What others create and what ends among those counts, also of an account with pages of batches a day."""
    with openai.OpenAI(base_url=server.base_url, api_key="test") as client:
        uploaded = upload(connection, file)
        for _ in range(PAGE):  # another program's
            client.batches.create(input_file_id=uploaded, endpoint="/v1/chat/completions", completion_window="24h")
    create(connection, file, 7)
    server.advance(300)
    for _ in range(8):
        server.advance(1)
    late = create(connection, file, 30)
    before = pages(server)
    assert enqueued(connection).taken(MODEL) == 30
    assert pages(server) - before == 2
    create(connection, file, 500)
    assert enqueued_by_now(connection).taken(MODEL) == 530
    connection.cancel(late.id)
    server.advance(700)
    assert enqueued_by_now(connection).taken(MODEL) == 0
    assert pages(server) - before == 4


def test_what_was_created_here_counts_where_the_list_lags(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """Side by side, uploads of one run would else take the same room."""
    create(connection, file, 1)
    assert enqueued(connection).taken(MODEL) == 1
    server.fail(RouteFault(kind="lag", route="GET */batches", seconds=60))
    note_created(connection, create(connection, file, 10))
    assert enqueued_by_now(connection).taken(MODEL) == 11


def test_a_server_without_a_listing_tells_of_nothing(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """Then it judges alone."""
    create(connection, file, 5)
    server.fail(RouteFault(kind="http_error", route="GET */batches", status=404))
    assert enqueued(connection).taken(MODEL) == enqueued_by_now(connection).taken(MODEL) == 0


def test_a_look_that_is_old_is_made_again(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A minute later what has ended counts no more."""
    connection.cancel(create(connection, file, 5).id)
    assert enqueued(connection).taken(MODEL) == 5
    server.advance(700)
    true_now = clock.now
    monkeypatch.setattr(clock, "now", lambda: true_now() + SEEN_SECONDS + 1)
    assert enqueued_by_now(connection).taken(MODEL) == 0
