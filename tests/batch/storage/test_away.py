"""A store that is away for a while, or whose answer is lost; and two starts of one key at once."""

import errno
import threading
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, SSLError
from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from prefect_openai_batch import ChatRequest, SqlSource, build_items, fetch_output, open_job, plan_round
from prefect_openai_batch.batch.errors import JobKeyError
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.jobs.submissions import claim, note_fetched
from prefect_openai_batch.batch.leases import Lease
from prefect_openai_batch.batch.outcomes.outcome_files import write_outcomes
from prefect_openai_batch.batch.side_by_side import side_by_side
from prefect_openai_batch.batch.storage.awaiting import storage_awaited
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.batch.storage.locations import is_away
from s3fs.errors import translate_boto_error
from sqlalchemy import Engine, create_engine

from ..conftest import MakeJob, built, kept
from .kept import Note
from .test_object_stores import patched


def of_status(status: int, code: str) -> OSError:
    """What s3fs makes of an answer of a store."""
    told = {"Error": {"Code": code, "Message": "not now"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: OSError = translate_boto_error(ClientError(told, "GetObject"))
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (EndpointConnectionError(endpoint_url="http://lake:9000"), True),
        (of_status(502, "502"), True),
        (of_status(503, "SlowDown"), True),
        (of_status(500, "InternalError"), True),
        (SSLError(endpoint_url="https://lake", error="the certificate is another's"), False),
        (of_status(400, "InvalidBucketName"), False),
        (of_status(403, "AccessDenied"), False),
        (OSError(errno.EIO, "the disk is broken"), False),
        (OSError(errno.ENOSPC, "no space left"), False),
        (FileNotFoundError("gone"), False),
    ],
    ids=[
        "no connection",
        "a proxy",
        "busy",
        "broken",
        "a certificate",
        "misspelt",
        "no right",
        "a disk",
        "a full disk",
        "gone",
    ],
)
def test_an_outage_is_told_from_a_fault(error: OSError, away: bool) -> None:
    """Only what passes is waited for."""
    assert is_away(error) is away


def fail_so_often(monkeypatch: pytest.MonkeyPatch, bucket: AbstractFileSystem, told: list[int]) -> None:
    """Let the store be away for as many reads as a list is long, which becomes shorter by each."""
    read = type(bucket)._cat_file

    async def restarting(self: Any, *args: Any, **kwargs: Any) -> object:
        if told:
            told.pop()
            raise EndpointConnectionError(endpoint_url="http://lake:9000")
        return await read(self, *args, **kwargs)

    patched(monkeypatch, "_cat_file", restarting)


def test_a_run_waits_for_its_storage(bucket: AbstractFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a job is opened it does not: there a misspelt address is no outage."""
    folder, told, slept = Folder("s3://lake/jobs/job"), [1, 2, 3], list[float]()
    folder.write("1.json", Note(text="here"))
    fail_so_often(monkeypatch, bucket, told)
    with pytest.raises(EndpointConnectionError):
        folder.read("1.json", Note)
    with storage_awaited(slept.append):
        assert folder.read("1.json", Note) == Note(text="here")
    assert slept == [1.0]
    told.extend(range(9))
    with storage_awaited(slept.append, 0.001), pytest.raises(EndpointConnectionError):
        folder.read("1.json", Note)


def test_an_engines_process_waits_for_its_storage_too(
    bucket: AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an engine spreads does so itself, for the flow's patience holds in the flow's own process alone."""
    (tmp_path / "rows.csv").write_text("text\na\n")
    request = ChatRequest(model="gpt-5-mini", prompt="{{ text }}")
    job = open_job(str(tmp_path / "rows.csv"), request, job_key="job", storage="s3://lake/jobs")
    kept(job)
    told = list[int]()
    fail_so_often(monkeypatch, bucket, told)
    (selection,) = plan_round(job)
    told.append(1)
    (file,) = build_items.fn(selection)
    batch = Batch(id="batch_1", status="completed", input_file=file)
    output = write_outcomes(batch, file.endpoint, file.read_items(), [], file.files)
    note_fetched(file.files, output)
    told.append(1)
    assert fetch_output.fn(batch) == output
    assert told == []


def test_what_is_claimed_is_ones_own_where_the_answer_was_lost(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client asks again, and hears that it is there: a creation would wait, and a lease stand still."""
    (file,) = built(make_job([{"text": "a"}]))
    elsewhere = file.model_copy(update={"folder": "memory://lost/file"})
    write = MemoryFileSystem.pipe_file

    def lost(self: MemoryFileSystem, path: str, value: bytes, mode: str = "overwrite", **given: object) -> None:
        write(self, path, value, mode=mode, **given)
        if mode == "create":
            raise FileExistsError(path)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", lost)
    assert claim(elsewhere, 1, datetime.now(UTC)) == "creating.json"
    assert claim(elsewhere, 1, datetime.now(UTC)) is None
    lease = Lease(elsewhere.files, "lease.json", "works")
    end = threading.Timer(5, elsewhere.files.remove_file, ["lease.json"])  # else it would stand for 30 seconds
    end.start()
    assert lease.take(lambda: None) is None
    assert not end.finished.is_set()
    end.cancel()
    assert lease.is_held()
    lease.give_back()


def test_of_two_starts_at_once_the_second_is_refused(tmp_path: Path) -> None:
    """It would build the rows of the one with the prompt of the other."""

    def begin(name: str, connect: Any) -> object:
        source = SqlSource(database="warehouse", query=f"SELECT '{name}' AS text")
        request = ChatRequest(model="gpt-5-mini", prompt=f"{name}: {{{{ text }}}}")
        return open_job(source, request, job_key="nightly", storage=str(tmp_path / "jobs"), connect=connect)

    begun: list[object] = []

    def while_another_begins(_: str) -> Engine:
        if not begun:
            begun.append(begin("fruit", lambda _: create_engine("sqlite://")))
        return create_engine("sqlite://")

    with pytest.raises(JobKeyError, match="was used before with another source"):
        begin("trees", while_another_begins)
    assert begin("fruit", while_another_begins) == begun[0]


def test_calls_side_by_side_are_in_order_and_in_their_callers_context() -> None:
    """The first that fails is raised, and none begins after it."""
    said: ContextVar[str] = ContextVar("said", default="nothing")
    before = said.set("all")
    assert side_by_side(lambda number: (said.get(), -number), range(50)) == [
        (number, ("all", -number)) for number in range(50)
    ]
    said.reset(before)
    called: list[int] = []

    def fails(number: int) -> None:
        called.append(number)
        if number == 1:
            raise ValueError(number)
        time.sleep(0.02 if number else 1.0)

    with pytest.raises(ValueError, match="^1$"):  # although the first is not over yet
        side_by_side(fails, range(1_000))
    assert len(called) < 1_000
