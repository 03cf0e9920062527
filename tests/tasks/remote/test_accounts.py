"""A batch that OpenAI does not know: the error says with whose key, and where, it was asked for."""

from collections.abc import Callable, Iterator
from pathlib import Path

import openai
import pytest
from prefect_openai_batch import ChatRequest, open_job
from prefect_openai_batch.batch import clock
from prefect_openai_batch.batch.errors import BatchUnknown, JobKeyError
from prefect_openai_batch.batch.files.batches import LOST_SECONDS, REFUSED, WINDOW_SECONDS, Batch
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.options import SETTLE_SECONDS
from prefect_openai_batch.batch.jobs.rounds import plan_round
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.adopt import find_job_batches
from prefect_openai_batch.tasks.cancel import cancel_batch, cancel_batches
from prefect_openai_batch.tasks.fetch import fetch_output
from prefect_openai_batch.tasks.look import get_batch
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.looking import look_at
from prefect_openai_batch.tasks.remote.tries import LOOKING
from prefect_openai_batch.tasks.wait import wait_for_batch, wait_for_batches

LATER = SETTLE_SECONDS + 1


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """Another server, as another account is; the environment names it."""
    with BatchServer(speed=0) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-never-shown")
        yield server


@pytest.fixture
def other(elsewhere: BatchServer) -> Iterator[Connection]:
    """A connection to it, by a credentials block that names a project."""
    with openai.OpenAI(base_url=elsewhere.base_url, api_key="sk-never-shown", project="proj_b") as client:
        yield Connection(client, credentials="team-b")


@pytest.fixture
def sent(connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """A batch that was sent minutes ago."""
    batch = find_or_create(connection, file, 0)
    later(monkeypatch, batch, LATER)
    return batch


def later(monkeypatch: pytest.MonkeyPatch, batch: Batch, seconds: float) -> None:
    """Let it be so many seconds after a batch's creation."""
    assert batch.created_at is not None
    monkeypatch.setattr(clock, "now", lambda: (batch.created_at or 0) + seconds)


def test_the_first_look_names_account_and_server(sent: Batch, elsewhere: BatchServer, other: Connection) -> None:
    """The block, the organisation as the server tells it, the project and the address; never the key."""
    with pytest.raises(BatchUnknown, match=f"does not know the batch {sent.id}") as told:
        look_at(other, [sent])
    for name in ("'team-b'", "organisation org-emulator", "project proj_b", elsewhere.base_url):
        assert name in str(told.value)
    assert "never-shown" not in str(told.value)
    assert told.value.details == {
        "batch_ids": (sent.id,),
        "credentials": "team-b",
        "base_url": f"{elsewhere.base_url}/",
    }


CALLS: list[tuple[str, Callable[[Batch], object]]] = [
    ("wait for several", lambda sent: wait_for_batches.fn([sent, sent.model_copy(update={"id": "batch_2"})])),
    ("wait for one", wait_for_batch.fn),
    ("wait for an id", lambda sent: wait_for_batch.fn(sent.id)),
    ("get", lambda sent: get_batch.fn(sent.id)),
    ("cancel", lambda sent: cancel_batch.fn(sent.id)),
    (
        "fetch",
        lambda sent: fetch_output.fn(sent.model_copy(update={"status": "completed", "output_file_id": "file-1"})),
    ),
]


@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])
def test_whatever_is_asked_of_another_account_says_so(
    sent: Batch, elsewhere: BatchServer, call: Callable[[Batch], object]
) -> None:
    """Within a few seconds, and nothing is taken for cancelled, missing or broken."""
    with pytest.raises(BatchUnknown, match=f"asked with the environment's key .* at {elsewhere.base_url}"):
        call(sent)


def built_job(folder: Path) -> tuple[Job, list[InputFile]]:
    """A job of two input files."""
    source = folder / "rows.csv"
    source.write_text("model,review\ngpt-5,good\ngpt-5-mini,bad\n")
    request = ChatRequest(model="{{ model }}", prompt="{{ review }}")
    job = open_job(str(source), request, job_key="job", storage=str(folder / "jobs"))
    keep_rows(job)
    return job, [file for selection in plan_round(job) for file in build_selection(job, selection)]


def test_a_job_is_not_cancelled_with_another_account(
    connection: Connection, other: Connection, tmp_path: Path
) -> None:
    """Its batches run on, so that is no success."""
    job, files = built_job(tmp_path)
    for file in files:
        find_or_create(connection, file, 0)
    with pytest.raises(BatchUnknown):
        cancel_batches(other, job, 0)


def test_many_batches_of_another_account_are_asked_about_once_where_the_next_look_is_near(
    elsewhere: BatchServer, other: Connection, sent: Batch
) -> None:
    """A page of the list, each by its id, and the list back to the oldest of them, once for all."""
    many = [sent.model_copy(update={"id": f"batch_of_another_{number}"}) for number in range(10)]
    before = len(elsewhere.requests())
    with pytest.raises(BatchUnknown) as told:
        look_at(other, many, LOOKING)
    assert set(told.value.details["batch_ids"]) == {batch.id for batch in many}
    assert len(elsewhere.requests()) - before <= len(many) + 2


def test_what_is_known_is_cancelled_all_the_same(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """One batch that is not known keeps no other running."""
    job, files = built_job(tmp_path)
    first, second = (find_or_create(connection, file, 0) for file in files)
    server.fail(RouteFault(kind="not_found", route=f"POST */{first.id}/cancel"))
    with pytest.raises(BatchUnknown, match=first.id):
        cancel_batches(connection, job, 0)
    assert connection.batch(second.id).status == "cancelling"


@pytest.mark.parametrize("status", [500, 429, 403])
def test_what_can_be_cancelled_is_cancelled_all_the_same(
    server: BatchServer, connection: Connection, tmp_path: Path, status: int
) -> None:
    """One batch that OpenAI does not cancel, however often it is asked, keeps no other running and billed."""
    job, files = built_job(tmp_path)
    first, second = (find_or_create(connection, file, 0) for file in files)
    server.fail(RouteFault(kind="http_error", route=f"POST */{first.id}/cancel", status=status))
    with pytest.raises(openai.APIStatusError) as told:
        cancel_batches(connection, job, 0)
    assert told.value.status_code == status
    assert (connection.batch(first.id).status, connection.batch(second.id).status) == ("validating", "cancelling")


def test_what_is_recorded_is_cancelled_although_the_list_cannot_be_read(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """Nor does a creation without an answer that cannot be looked for; that it may pass comes before all else."""
    job, files = built_job(tmp_path)
    unknown, lost = (find_or_create(connection, file, 0) for file in files)
    files[1].files.remove("submitted.json")
    not_known = RouteFault(kind="not_found", route=f"POST */{unknown.id}/cancel")
    server.fail(not_known, RouteFault(kind="http_error", route="GET */batches", status=503))
    with pytest.raises(openai.InternalServerError):
        cancel_batches(connection, job, 0)
    server.fail(not_known)
    with pytest.raises(BatchUnknown, match=unknown.id):
        cancel_batches(connection, job, 0)
    assert connection.batch(lost.id).status == "cancelling"


NO_ROOM = "Enqueued token limit reached for gpt-5. Limit: 90,000 enqueued tokens."


@pytest.mark.parametrize("status", [400, 429])
@pytest.mark.parametrize(
    "said", [{"code": "token_limit_exceeded"}, {"code": "slower", "message": NO_ROOM}], ids=["a code", "words"]
)
def test_what_openai_never_had_is_not_cancelled(
    server: BatchServer, connection: Connection, tmp_path: Path, status: int, said: dict[str, str]
) -> None:
    """A creation that was refused at once stands as a batch in the records, and OpenAI knows none of its id."""
    server.fail(RouteFault(kind="http_error", route="POST */batches", status=status, **said))
    job, (file, *_) = built_job(tmp_path)
    assert find_or_create(connection, file, 0).id.startswith(REFUSED)
    assert cancel_batches(connection, job, 0) == []


def test_a_new_batch_may_be_unknown_for_a_moment(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """It stands as it was created."""
    batch = find_or_create(connection, file, 0)
    server.fail(RouteFault(kind="not_found", route="GET */batches*"))
    assert look_at(connection, [batch]) == [batch]


def test_a_batch_that_is_unknown_in_passing_is_found(
    server: BatchServer, connection: Connection, sent: Batch
) -> None:
    """A server that forgets for a second ends no job."""
    server.fail(RouteFault(kind="not_found", route="GET */batches*", times=6))
    assert look_at(connection, [sent]) == [sent]


def test_a_batch_that_was_known_is_missed_within_seconds(
    server: BatchServer, connection: Connection, sent: Batch
) -> None:
    """Not after days."""
    look_at(connection, [sent])
    server.fail(RouteFault(kind="not_found", route="GET */batches*"))
    with pytest.raises(BatchUnknown):
        look_at(connection, [sent])


def test_a_batch_is_lost_only_where_its_input_file_is(
    server: BatchServer, connection: Connection, other: Connection, sent: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another account would send its rows again, and pay."""
    later(monkeypatch, sent, WINDOW_SECONDS + LOST_SECONDS + 1)
    server.fail(RouteFault(kind="not_found", route="GET */batches*"))
    assert look_at(connection, [sent]) == [sent]
    with pytest.raises(BatchUnknown):
        look_at(other, [sent])


def test_a_job_that_is_not_listed_says_where(elsewhere: BatchServer) -> None:
    """Perhaps it is known elsewhere."""
    with pytest.raises(JobKeyError, match=f"no batch of a job 'job', asked with .* at {elsewhere.base_url}"):
        find_job_batches.fn("job")
