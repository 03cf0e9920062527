"""Starts of one job that share no folder pay each item once, where OpenAI's list shows their batches in time."""

from pathlib import Path

import pytest
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.files.batches import Batch, BatchStatus
from prefect_openai_batch.batch.files.identity import identity_of, with_identity
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.options import SETTLE_SECONDS
from prefect_openai_batch.batch.jobs.submissions import gave_way, submitted, twins
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchFault, BatchServer, RouteFault
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection, connect
from prefect_openai_batch.tasks.remote.tries import brief_pauses
from prefect_openai_batch.tasks.remote.twins import settle

from ..races import ROWS, Race, billed_twice, lagging_server

AT_ONCE = Race("two starts at the same moment")
LATER = Race("the second start later", head_start=7.0)
FIRST_DIES = Race("the first is killed after its creation", head_start=7.0, first_dies=True)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a race sets in the environment is put back."""
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("race", "lag", "validating", "twice"),
    [
        (AT_ONCE, 45, 60, 0),
        (AT_ONCE, 9, 10, 0),
        (AT_ONCE, 60, 20, ROWS),
        (LATER, 20, 30, 0),
        (FIRST_DIES, 45, 60, 0),
    ],
    ids=lambda value: value.name if isinstance(value, Race) else f"{value}",
)
def test_what_is_listed_before_it_runs_runs_once(
    tmp_path: Path, race: Race, lag: float, validating: float, twice: int
) -> None:
    """Only what the list does not show in time is billed twice; the table is benchmarks/matrices/twins.txt."""
    with brief_pauses(float("inf")), lagging_server(validating) as server:
        assert billed_twice(server, race, lag, tmp_path / "job") == twice


def test_who_does_not_stay_looks_until_its_own_batch_is_listed(
    server: BatchServer, connection: Connection, contested: InputFile, tmp_path: Path
) -> None:
    """Then the list shows every older one; a detached or suspended run waits for no validation."""
    own = find_or_create(connection, contested, 0)
    assert [batch.id for batch in settle(connection, [own], until=0)] == [own.id]
    assert [batch["status"] for batch in server.state()["batches"]] == ["validating"]


@pytest.fixture
def contested(file: InputFile) -> InputFile:
    """An input file of a job that may have been started elsewhere."""
    return file.model_copy(update={"contested": True})


def twin_of(connection: Connection, file: InputFile, folder: Path) -> Batch:
    """The batch of the same items that a start with another folder has created."""
    Folder(str(folder)).make()
    elsewhere = file.model_copy(update={"folder": str(folder), "contested": False})
    elsewhere.files.make()
    with elsewhere.files.create("input.jsonl") as target, file.files.open("input.jsonl") as source:
        target.write(source.read())
    return find_or_create(connection, elsewhere, 0)


def test_the_younger_gives_way(
    server: BatchServer, connection: Connection, contested: InputFile, tmp_path: Path
) -> None:
    """It is cancelled, the record names the older, and the younger's files go with the rest."""
    older = twin_of(connection, contested, tmp_path / "elsewhere")
    server.advance(1)
    (seen,) = settle(connection, [own := find_or_create(connection, contested, 0)])
    assert (seen.status, gave_way(seen)) == ("cancelling", True)
    kept = submitted(contested)
    assert kept is not None
    assert (kept.id, twins(contested)) == (older.id, (own.id,))


def test_what_runs_stays_though_it_is_younger(
    server: BatchServer, connection: Connection, contested: InputFile, tmp_path: Path
) -> None:
    """Its items are paid for; of the older, which is validated still, none is."""
    older = twin_of(connection, contested, tmp_path / "elsewhere")
    running = older.model_copy(update={"id": "batch_0", "created_at": (older.created_at or 0) + 1})
    found = [older, running.model_copy(update={"status": BatchStatus.IN_PROGRESS})]
    first, second = with_identity(found, identity_of(contested))
    assert (first.id, second.id) == ("batch_0", older.id)


def test_a_batch_that_cannot_be_cancelled_keeps_its_record(
    server: BatchServer, connection: Connection, contested: InputFile, tmp_path: Path
) -> None:
    """The next look tries again: a connection that is lost for a moment pays nothing twice."""
    twin_of(connection, contested, tmp_path / "elsewhere")
    server.advance(1)
    own = find_or_create(connection, contested, 0)
    server.fail(RouteFault(kind="http_error", route="POST */cancel", status=403, times=1))
    assert not gave_way(settle(connection, [own])[0])
    assert gave_way(settle(connection, [own])[0])


@pytest.mark.parametrize("status", [404, 405, 500])
def test_a_list_that_cannot_be_read_holds_nobody_up(
    server: BatchServer, connection: Connection, contested: InputFile, status: int
) -> None:
    """The batch stands as it was seen."""
    own = find_or_create(connection, contested, 0)
    server.fail(RouteFault(kind="http_error", route="GET */batches", status=status))
    assert settle(connection, [own]) == [own]


@pytest.mark.usefixtures("environment")
def test_a_batch_that_fails_at_validation_is_waited_for_no_longer(
    contested: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no twin to fear, and another attempt follows."""
    with lagging_server(10) as server, connect() as connection:
        monkeypatch.setattr(clock, "now", server.clock.now)
        server.fail(BatchFault(kind="fail_validation"))
        own = find_or_create(connection, contested, 0)
        server.advance(11)
        (seen,) = settle(connection, [own])
        assert seen.status == BatchStatus.FAILED


def test_nothing_is_looked_for_where_nothing_is_to_be_feared(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """A job of a new run, or one in a storage that all reach, makes no call for it."""
    own = find_or_create(connection, file, 0)
    before = len(server.requests())
    assert settle(connection, [own]) == [own]
    assert len(server.requests()) == before


@pytest.mark.usefixtures("environment")
def test_a_twin_is_looked_for_in_every_look(
    contested: InputFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where validation lasts longer than anybody waits for it at a stretch."""
    with lagging_server(1_000) as server, connect() as connection:
        monkeypatch.setattr(clock, "now", server.clock.now)
        twin_of(connection, contested, tmp_path / "elsewhere")
        server.advance(1)
        own = find_or_create(connection, contested, 0)
        server.fail(RouteFault(kind="lag", route="GET */batches", seconds=300))
        server.advance(SETTLE_SECONDS)
        assert not gave_way(settle(connection, [own])[0])
        server.advance(300 - SETTLE_SECONDS)
        assert gave_way(settle(connection, [own])[0])
