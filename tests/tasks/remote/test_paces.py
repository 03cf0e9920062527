"""All runs of a project keep one pace, which Prefect gives; without it they go on."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import pytest
from httpx import Response
from openai import OpenAI
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.submissions import note_kept_upload, note_refusal
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.tasks.remote import paces
from prefect_openai_batch.tasks.remote.account import Account
from prefect_openai_batch.tasks.remote.claims import find_or_create, find_or_create_in_room
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.paces import (
    CREATIONS,
    ROOM,
    SLOT_SECONDS,
    UPLOADS,
    _has_slot,
    ask_again_soon,
    one_at_a_time,
    take_turn,
)

from ...conftest import free_port


@pytest.fixture
def client(prefect_server: str) -> Iterator[SyncPrefectClient]:
    """A client of a real Prefect server."""
    with get_client(sync_client=True) as client:
        yield client


@pytest.mark.server
def test_missing_limits_are_made(client: SyncPrefectClient) -> None:
    """By the first turn, with the paces that OpenAI takes; and the slot by the first look for room."""
    account = Account("https://api.example/v1", credentials="new")
    take_turn(account)
    with one_at_a_time(account) as got:
        assert got
    found = [
        client.read_global_concurrency_limit_by_name(pace.name(account)) for pace in (CREATIONS, UPLOADS, ROOM)
    ]
    made = [(limit.limit, limit.slot_decay_per_second) for limit in found]
    assert made == [(100, 0.5), (100, 14.0), (1, 1 / SLOT_SECONDS)]


@pytest.mark.server
def test_a_limit_that_is_there_is_kept(client: SyncPrefectClient) -> None:
    """Whoever has set it lower is heeded: of ten a second, and one at once, five take four tenths at least."""
    account = Account("https://api.example/v1", credentials="slow")
    limit = GlobalConcurrencyLimitCreate(name=CREATIONS.name(account), limit=1, slot_decay_per_second=10.0)
    client.create_global_concurrency_limit(limit)
    begun = time.monotonic()
    for _ in range(5):
        take_turn(account)
    assert time.monotonic() - begun >= 0.4


@pytest.mark.parametrize(("status", "asked"), [(503, "0.1"), (423, None)], ids=["busy", "no slot"])
def test_a_busy_database_is_asked_again_soon(status: int, asked: str | None) -> None:
    """Prefect's client would rest for two seconds; how long there is no slot, Prefect itself says."""
    response = Response(status)
    ask_again_soon(response)
    assert response.headers.get("Retry-After") == asked


@pytest.mark.server
def test_submissions_side_by_side_make_each_limit_once(
    client: SyncPrefectClient, caplog: pytest.LogCaptureFixture
) -> None:
    """At the first run none of them is told that there is no such limit."""
    account = Account("https://api.example/v1", credentials="side by side")
    with ThreadPoolExecutor(4) as threads:
        for submission in [threads.submit(copy_context().run, take_turn, account) for _ in range(4)]:
            submission.result()
    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.server
def test_a_slot_that_cannot_be_given_back_is_no_error(
    client: SyncPrefectClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch for which it was held is created: it is recorded, and Prefect frees the slot in a minute."""

    def unreachable(*_: object) -> None:
        raise OSError("Prefect's server is gone")

    monkeypatch.setattr(SyncPrefectClient, "release_concurrency_slots", unreachable)
    with one_at_a_time(Account("https://api.example/v1", credentials="gone")) as got:
        assert got
    assert "Prefect keeps the slot of looking for room for a while (OSError)" in caplog.messages


def test_older_servers_count_no_slot_that_came_back() -> None:
    """So one is asked for where nobody has moved the limit while one should have come back."""
    seen: dict[str, tuple[datetime | None, float]] = {}
    full = GlobalConcurrencyLimitResponse(name="room", limit=1, active_slots=1, slot_decay_per_second=50.0)
    moved = full.model_copy(update={"updated": datetime.now(UTC)})
    assert not _has_slot(full, seen)
    time.sleep(0.03)
    assert not _has_slot(moved, seen)
    time.sleep(0.03)
    assert _has_slot(moved, seen)


@pytest.mark.server
def test_turns_are_asked_for_when_there_is_one(client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each refusal would cost the limit what had come back: of many runs that wait nobody would get a turn."""
    account, asked = Account("https://api.example/v1", credentials="many"), list[int]()
    limit = GlobalConcurrencyLimitCreate(name=CREATIONS.name(account), limit=1, slot_decay_per_second=4.0)
    client.create_global_concurrency_limit(limit)
    ask = SyncPrefectClient.increment_concurrency_slots

    def counted(self: SyncPrefectClient, names: list[str], slots: int, mode: str) -> Response:
        asked.append(slots)
        return ask(self, names, slots, mode)

    monkeypatch.setattr(SyncPrefectClient, "increment_concurrency_slots", counted)
    for _ in range(3):
        take_turn(account)
    assert asked == [1] * 3


@pytest.mark.server
@pytest.mark.parametrize("decay", [10.0, 0.0], ids=["made now", "made by earlier versions"])
def test_a_slot_that_nobody_gives_back_is_free_again(client: SyncPrefectClient, decay: float) -> None:
    """Its holder was killed, or Prefect's server with all it knew of leases: no run stands still for it."""
    account = Account("https://api.example/v1", credentials=f"killed-{decay:g}")
    name = ROOM.name(account)
    limit = GlobalConcurrencyLimitCreate(name=name, limit=1, slot_decay_per_second=decay)
    client.create_global_concurrency_limit(limit)
    client.increment_concurrency_slots([name], 1, "concurrency")
    with one_at_a_time(account) as got:
        assert got
        assert client.read_global_concurrency_limit_by_name(name).active_slots == 1
    assert client.read_global_concurrency_limit_by_name(name).active_slots == 0


@pytest.mark.server
def test_who_held_the_slot_too_long_gives_back_no_others(
    client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came back by itself, and may be somebody else's by then."""
    account = Account("https://api.example/v1", credentials="slow")
    monkeypatch.setattr(paces, "SLOT_SECONDS", 0.0)
    with one_at_a_time(account) as got:
        assert got
    assert client.read_global_concurrency_limit_by_name(ROOM.name(account)).active_slots == 1
    with one_at_a_time(account) as got:
        assert not got


@pytest.mark.server
def test_a_limit_of_0_lets_nothing_go(
    client: SyncPrefectClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody pauses every run by it: it is told by its name, and how it is lifted; then all goes on."""
    monkeypatch.setattr(paces, "PAUSED_SECONDS", 0.0)
    account = Account("https://api.example/v1", credentials="paused")
    for pace in (CREATIONS, ROOM):
        name = pace.name(account)
        limit = GlobalConcurrencyLimitCreate(name=name, limit=0, slot_decay_per_second=1e3)
        client.create_global_concurrency_limit(limit)
    assert not take_turn(account)
    with one_at_a_time(account) as got:
        assert not got
    assert caplog.messages == [
        f"Nothing is sent for Prefect's global concurrency limit {pace.name(account)} of 0 "
        f"(`prefect gcl update {pace.name(account)} --limit {pace.slots}` lifts it)"
        for pace in (CREATIONS, ROOM)
    ]
    client.update_global_concurrency_limit(CREATIONS.name(account), GlobalConcurrencyLimitUpdate(limit=1))
    client.update_global_concurrency_limit(ROOM.name(account), GlobalConcurrencyLimitUpdate(active=False))
    assert take_turn(account)
    with one_at_a_time(account) as got:
        assert got


@pytest.mark.server
def test_a_pace_by_which_no_slot_comes_back_is_mended(
    client: SyncPrefectClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Prefect makes limits so unless it is told otherwise: runs would wait for ever, or go without any pace."""
    account = Account("https://api.example/v1", credentials="stuck")
    name = CREATIONS.name(account)
    client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1, active_slots=1))
    assert take_turn(account)
    mended = client.read_global_concurrency_limit_by_name(name)
    assert (mended.limit, mended.active_slots, mended.slot_decay_per_second) == (1, 1, CREATIONS.decay)
    assert caplog.messages == [f"No slot of {name} came back: now one does in 2 s"]


@pytest.mark.server
def test_a_paused_file_keeps_no_batch_and_uploads_nothing(
    client: SyncPrefectClient, server: BatchServer, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is bounded or not: whoever asks is told at once, and may see to the job's end meanwhile."""
    monkeypatch.setattr(paces, "PAUSED_SECONDS", 0.0)
    with OpenAI(base_url=server.base_url, api_key="test") as openai_client:
        connection = Connection(openai_client, paced=True)
        name = CREATIONS.name(connection.account)
        limit = GlobalConcurrencyLimitCreate(name=name, limit=0, slot_decay_per_second=1.0)
        client.create_global_concurrency_limit(limit)
        assert find_or_create_in_room(connection, file, 0.0, bound=None) is None
        assert server.requests() == []
        client.update_global_concurrency_limit(name, GlobalConcurrencyLimitUpdate(limit=1))
        assert find_or_create_in_room(connection, file, 0.0, bound=None) is not None


def ten_creations(client: SyncPrefectClient, connection: Connection) -> GlobalConcurrencyLimitCreate:
    """The pace of a connection's creations: ten slots, of which none comes back."""
    limit = GlobalConcurrencyLimitCreate(
        name=CREATIONS.name(connection.account), limit=10, slot_decay_per_second=1e-6
    )
    client.create_global_concurrency_limit(limit)
    return limit


@pytest.mark.server
def test_a_file_that_finds_no_room_has_one_turn(
    client: SyncPrefectClient, server: BatchServer, file: InputFile, tmp_path: Path
) -> None:
    """However often it is tried: its upload is kept, and it creates nothing before it has room."""
    with OpenAI(base_url=server.base_url, api_key="test") as openai_client:
        connection = Connection(openai_client, paced=True)
        limit = ten_creations(client, connection)
        held = file.model_copy(update={"folder": str(tmp_path / "held"), "name": "held"})
        copytree(file.folder, held.folder)
        find_or_create(connection, file, 0.0)
        for _ in range(3):
            assert find_or_create_in_room(connection, held, 0.0, bound=1) is None
        assert client.read_global_concurrency_limit_by_name(limit.name).active_slots == 2


@pytest.mark.server
def test_a_file_that_was_refused_has_another_turn(
    client: SyncPrefectClient, server: BatchServer, file: InputFile
) -> None:
    """Its upload is there already, but one more batch of it is created."""
    with OpenAI(base_url=server.base_url, api_key="test") as openai_client:
        connection = Connection(openai_client, paced=True)
        limit = ten_creations(client, connection)
        first = find_or_create(connection, file, 0.0)
        assert first.input_file_id
        note_refusal(file, first, 0.0)
        note_kept_upload(file, first.input_file_id)
        second = find_or_create(connection, file, 0.0)
        assert (second.id != first.id, second.input_file_id) == (True, first.input_file_id)
        assert client.read_global_concurrency_limit_by_name(limit.name).active_slots == 2


def test_without_prefect_they_go_on(caplog: pytest.LogCaptureFixture) -> None:
    """With a warning: OpenAI then says when it is too much."""
    account = Account("https://api.example/v1")
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"}):
        take_turn(account)
        with one_at_a_time(account) as got:
            assert got
    assert [record.message.split(" (")[0] for record in caplog.records if record.levelname == "WARNING"] == [
        "Prefect keeps no pace of uploads and creations",
        "Prefect keeps no order in looking for room",
    ]


def test_a_project_is_known_by_its_name_and_never_by_a_secret() -> None:
    """Two blocks of one project share its paces; a password in the address changes nothing."""
    url, other = "https://api.example/v1", "https://me:secret@api.example/v1"
    first, second = (Account(url, credentials=name, project="proj_1") for name in ("a", "b"))
    assert first.digest == second.digest == Account(other, "a", project="proj_1").digest
    assert Account(url, "a").digest != Account(url, "b").digest
