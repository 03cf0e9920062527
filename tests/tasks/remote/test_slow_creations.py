"""A creation that lasts longer than its claim settles, or waits for its turn until somebody has overtaken it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openai import OpenAI
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.files.identity import identity_of
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.jobs.options import SETTLE_SECONDS
from prefect_openai_batch.batch.jobs.submissions import claim, note_refusal, submitted, twins
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.remote import listing
from prefect_openai_batch.tasks.remote.claims import find_or_create, find_or_create_in_room
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.uploads import upload
from pydantic import BaseModel

ITEMS = [ChatRequest(model="gpt-5-mini", prompt="Say it.").item("item")]


def test_of_two_batches_of_the_same_items_one_stays(server: BatchServer, tmp_path: Path) -> None:
    """Who looks meanwhile, and finds nothing in a list that lags, makes another: one is cancelled and noted."""
    file = write_items(ITEMS, Folder(str(tmp_path))).model_copy(update={"job_key": "job"})
    server.fail(RouteFault(kind="lag", route="GET */batches", seconds=60))
    with OpenAI(base_url=server.base_url, api_key="test") as client:

        class Slow(Connection):
            def create(self, file_id: str, endpoint: Endpoint, metadata: Mapping[str, str]) -> Batch:
                made = super().create(file_id, endpoint, metadata)
                find_or_create(Connection(client), file, 0.2)
                return made

        stays = find_or_create(Slow(client), file, 0.2)
    states = {one["id"]: one["status"] for one in server.state()["batches"]}
    assert len(states) == 2
    assert [batch_id for batch_id, status in states.items() if not status.startswith("cancel")] == [stays.id]
    assert submitted(file) == stays
    assert {stays.id, *twins(file)} == set(states)


def test_a_claim_that_took_its_storage_too_long_is_not_used(
    server: BatchServer, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for it to settle may be about to create the batch itself."""
    told = clock.now()
    linked = os.link

    def slowly(source: Path, target: Path) -> None:
        nonlocal told
        told += 60 * (target.name == "creating.json")
        linked(source, target)

    monkeypatch.setattr(clock, "now", lambda: told)
    monkeypatch.setattr(os, "link", slowly)
    with OpenAI(base_url=server.base_url, api_key="test") as client:
        with pytest.raises(TimeoutError, match="took 60 s"):
            find_or_create(Connection(client), file, 0.0)
        assert server.state()["batches"] == []
        batch = find_or_create(Connection(client), file, 0.0)
    assert file.files.names("creating*") == ["creating.2.json", "creating.json"]
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]
    assert len(server.state()["files"]) == 1


class Overtaken(Connection):
    """A connection whose file somebody else has sent, and been refused, while it waited for its turn to look."""

    refused: InputFile | None = None

    @contextmanager
    def one_at_a_time(self) -> Iterator[bool]:
        if self.refused is not None:
            claim(self.refused, 1, datetime.now(UTC))
            note_refusal(self.refused, Batch(id="batch_of_another", status="failed"), 0.0)
            self.refused = None
        yield True


def test_who_is_overtaken_before_its_claim_claims_the_next_attempt(server: BatchServer, file: InputFile) -> None:
    """By the number that this attempt is at: two that count otherwise would both create it."""
    with OpenAI(base_url=server.base_url, api_key="test") as client:
        connection = Overtaken(client)
        connection.refused = file
        batch = find_or_create_in_room(connection, file, 0.0, 10**9)
    assert batch is not None
    assert file.files.names("creating*") == ["creating-2.json", "creating.json"]
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]
    assert submitted(file) == batch


def test_a_refusal_for_want_of_room_is_recorded_before_another_may_try(
    server: BatchServer, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has found it cuts the file: another one would pay for the whole beside its pieces."""
    server.fail(
        RouteFault(kind="http_error", route="POST */batches", status=429, code="token_limit_exceeded", calls=(1,))
    )
    write, others = Folder.write, list[Batch]()
    with OpenAI(base_url=server.base_url, api_key="test") as client:

        def written(folder: Folder, name: str, record: BaseModel) -> None:
            write(folder, name, record)
            if name == "creating.json":
                others.append(find_or_create(Connection(client), file, 0.0))

        monkeypatch.setattr(Folder, "write", written)
        batch = find_or_create(Connection(client), file, 0.0)
    assert [batch.id] == [other.id for other in others]
    assert server.state()["batches"] == []


@pytest.mark.parametrize("dies", [False, True], ids=["it is written", "its owner died"])
def test_a_claim_that_is_empty_settles_from_when_it_was_seen(
    server: BatchServer, file: InputFile, monkeypatch: pytest.MonkeyPatch, *, dies: bool
) -> None:
    """Without hard links one is empty while it is written: its owner is about to create the batch."""
    now, passed, created = clock.now(), list[float](), list[Batch]()
    Path(file.folder, "creating.json").touch()
    with OpenAI(base_url=server.base_url, api_key="test") as client:
        connection = Connection(client)

        def pause(seconds: float) -> None:
            passed.append(seconds)
            if sum(passed) > SETTLE_SECONDS / 2 and not (dies or created):
                created.append(connection.create(upload(connection, file), file.endpoint, identity_of(file)))

        monkeypatch.setattr(clock, "now", lambda: now + sum(passed))
        monkeypatch.setattr(listing, "pause", pause)
        batch = find_or_create(connection, file, SETTLE_SECONDS)
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]
    assert file.files.exists("creating.2.json") is dies
    assert sum(passed) == pytest.approx(SETTLE_SECONDS) if dies else batch.id == created[0].id
