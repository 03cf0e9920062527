"""What is sent reaches OpenAI once, whatever becomes of the answers."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import openai
import pytest
from prefect_openai_batch import ChatRequest, fetch_output
from prefect_openai_batch.batch.errors import BatchNotFinished, DownloadBroken
from prefect_openai_batch.batch.files.batches import (
    COUNTED_GRACE_SECONDS,
    GRACE_SECONDS,
    Batch,
    RequestCounts,
)
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.files.way_records import Claim
from prefect_openai_batch.batch.jobs.submissions import (
    claim,
    has_claim,
    last_claim,
    note_kept_upload,
    submitted,
)
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchFault, BatchServer, RouteFault
from prefect_openai_batch.tasks.clean import remove_files
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.downloads import download
from prefect_openai_batch.tasks.remote.listing import CLOCK_SLACK_SECONDS
from prefect_openai_batch.tasks.remote.uploads import upload

CREATE = "POST */batches"
UPLOAD = "POST */files"
ITEMS = [ChatRequest(model="gpt-5-mini", prompt=f"Say {number}.").item(f"item-{number}") for number in range(40)]


@pytest.fixture
def file(tmp_path: Path) -> InputFile:
    """An input file of a job."""
    return write_items(ITEMS, Folder(str(tmp_path))).model_copy(update={"job_key": "job"})


def create(connection: Connection, file: InputFile, settle_seconds: float = 0.3) -> Batch:
    return find_or_create(connection, file, settle_seconds)


def ended(connection: Connection, server: BatchServer, batch: Batch) -> Batch:
    for _ in range(30):
        server.advance(1)
    return connection.batch(batch.id, batch.input_file)


LOST_ANSWERS = [
    RouteFault(kind="cut", route=CREATE, calls=(1,), when="after"),
    RouteFault(kind="cut", route=CREATE, calls=(1,), when="before"),
    RouteFault(kind="http_error", route=CREATE, calls=(1, 2), status=500, when="after"),
    RouteFault(kind="http_error", route=CREATE, calls=(1, 2), status=503, when="before"),
    RouteFault(kind="html", route=CREATE, calls=(1,), status=502, when="after"),
    RouteFault(kind="http_error", route=CREATE, calls=(1,), status=429, retry_after=0.1),
    RouteFault(kind="cannot_find_file", route=CREATE, calls=(1, 2)),
    RouteFault(kind="cut", route=UPLOAD, calls=(1,), when="after"),
    RouteFault(kind="cut", route=UPLOAD, calls=(1,), when="before"),
    RouteFault(kind="http_error", route=UPLOAD, calls=(1,), status=500, when="after"),
]


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=lambda fault: f"{fault.kind} {fault.when} {fault.route}")
def test_a_batch_is_created_once_whatever_becomes_of_the_answers(
    server: BatchServer, connection: Connection, file: InputFile, fault: RouteFault
) -> None:
    """One batch is there, it is the one that is recorded, and asking again asks nobody."""
    server.fail(fault)
    batch = create(connection, file)
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]
    assert submitted(file) == batch
    asked = len(server.requests())
    assert create(connection, file) == batch
    assert len(server.requests()) == asked


def test_a_claim_without_a_record_is_looked_for_first(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """A process that died between the creation and its record has left its batch, and the next one finds it."""
    batch = create(connection, file)
    file.files.remove("submitted.json")
    assert create(connection, file).id == batch.id
    assert len(server.state()["batches"]) == 1


def test_a_claim_that_created_nothing_is_settled(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """A process that died before the creation has left its claim alone: the batch is created after a look."""
    file.files.write("creating.json", Claim(claimed_at=datetime.now(UTC)))
    batch = create(connection, file)
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]


def test_a_list_that_lags_is_looked_at_until_the_claim_has_settled(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """One empty look proves nothing."""
    server.fail(
        RouteFault(kind="cut", route=CREATE, calls=(1,), when="after"),
        RouteFault(kind="lag", route="GET */batches", seconds=60, times=1),
    )
    create(connection, file, settle_seconds=5)
    assert len(server.state()["batches"]) == 1


def test_of_many_who_find_an_old_claim_one_creates(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """Whoever renews the claim first does; the others look for what that one creates."""
    file.files.write("creating.json", Claim(claimed_at=datetime(2026, 1, 1, tzinfo=UTC)))
    with ThreadPoolExecutor(6) as pool:
        batches = list(pool.map(lambda _: create(connection, file, 5), range(6)))
    assert len({batch.id for batch in batches}) == len(server.state()["batches"]) == 1
    assert len(server.state()["files"]) == 1


def test_a_claim_that_was_taken_back_leaves_a_gap(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """The next claim is found all the same."""
    later = Claim(claimed_at=datetime(2026, 1, 2, tzinfo=UTC))
    file.files.write("creating.2.json", later)
    assert last_claim(file) == (2, later)
    create(connection, file)
    assert file.files.exists("creating.3.json")


def test_each_try_to_create_has_a_claim_of_its_own(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """Who looks at the claim of a try that failed does not create beside who tries again."""
    server.fail(RouteFault(kind="http_error", route=CREATE, status=503, calls=(1,), when="before"))
    with ThreadPoolExecutor(2) as pool:
        batches = list(pool.map(lambda _: create(connection, file, 1), range(2)))
    assert len({batch.id for batch in batches}) == len(server.state()["batches"]) == 1
    assert last_claim(file)[0] == 2


def test_no_claim_is_laid_twice(server: BatchServer, connection: Connection, file: InputFile) -> None:
    """Who has looked at one that is refused claims the next, which is taken where another has tried again."""
    server.fail(RouteFault(kind="http_error", route=CREATE, status=400, calls=(1,)))
    with pytest.raises(openai.BadRequestError):
        create(connection, file)
    create(connection, file)
    assert claim(file, 2, datetime.now(UTC)) is None


def test_a_refused_upload_that_was_kept_is_made_anew(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """It is deleted with the refusal: the next start does not take it for there."""
    note_kept_upload(file, upload(connection, file))
    server.fail(RouteFault(kind="http_error", route=CREATE, status=400, calls=(1,)))
    with pytest.raises(openai.BadRequestError):
        create(connection, file)
    assert create(connection, file).input_file_id == server.state()["files"][0]["id"]


def test_a_refused_creation_leaves_nothing_behind(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """No claim, no uploaded file, and the refusal is told."""
    server.fail(RouteFault(kind="http_error", route=CREATE, status=400, message="No."))
    with pytest.raises(openai.BadRequestError, match=r"No\."):
        create(connection, file)
    assert server.state()["files"] == []
    assert not has_claim(file)


def test_a_look_that_is_refused_leaves_the_claim(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """The creation got no answer, so there may be a batch: the next start looks, and sends nothing again."""
    server.fail(
        RouteFault(kind="cut", route=CREATE, calls=(1,), when="after"),
        RouteFault(kind="http_error", route="GET */batches", status=403, times=1),
    )
    with pytest.raises(openai.PermissionDeniedError):
        create(connection, file)
    assert file.files.exists("creating.json")
    batch = create(connection, file)
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]


def test_copies_of_an_upload_are_removed_with_the_rest(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """An upload that got no answer has left a file that nobody knows by its id."""
    server.fail(RouteFault(kind="cut", route=UPLOAD, calls=(1,), when="after"))
    batch = ended(connection, server, create(connection, file))
    remove_files(connection, batch)
    assert server.state()["files"] == []


@pytest.mark.server
@pytest.mark.parametrize(
    "fault",
    [
        RouteFault(kind="cut_stream", route="GET */content", times=1),
        RouteFault(kind="not_found", route="GET */content", times=1),
        RouteFault(kind="http_error", route="GET */content", times=1),
    ],
    ids=lambda fault: fault.kind,
)
def test_a_broken_download_is_repeated(
    prefect_server: str,
    server: BatchServer,
    connection: Connection,
    file: InputFile,
    fault: RouteFault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The outcomes are whole in the end."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    batch = ended(connection, server, create(connection, file))
    server.fail(fault)
    output = fetch_output(batch)
    assert output.outcomes == {"succeeded": 40}


def test_a_download_that_breaks_off_is_noticed(
    server: BatchServer, connection: Connection, file: InputFile, tmp_path: Path
) -> None:
    """By its length, or because the connection says so."""
    batch = ended(connection, server, create(connection, file))
    server.fail(RouteFault(kind="cut_stream", route="GET */content"))
    assert batch.output_file_id is not None
    with pytest.raises(DownloadBroken, match="broke off after"):
        download(connection, batch.output_file_id, tmp_path / "output")


def test_a_batch_without_its_files_has_not_ended(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """`completed` comes before the file ids do; only after an hour nothing more is hoped for.

    Where it counts nothing that succeeded, twenty minutes are enough, also where our clock is ten ahead.
    """
    server.fail(BatchFault(kind="no_file_ids", seconds=1_000_000))
    batch = ended(connection, server, create(connection, file))
    assert (batch.status, batch.output_file_id) == ("completed", None)
    assert batch.completed_at is not None
    assert not batch.has_ended(batch.completed_at + COUNTED_GRACE_SECONDS - 1)
    assert batch.has_ended(batch.completed_at + COUNTED_GRACE_SECONDS + 1)
    empty = batch.model_copy(update={"request_counts": RequestCounts(total=40)})
    assert not empty.has_ended(batch.completed_at + CLOCK_SLACK_SECONDS + 599)
    assert not empty.has_ended(batch.completed_at + GRACE_SECONDS - 1)
    assert empty.has_ended(batch.completed_at + GRACE_SECONDS + 1)


def test_two_processes_with_one_folder_create_one_batch(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """Whoever claims first creates; the other finds what was created."""
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: create(connection, file, 5), range(4)))
    assert len({batch.id for batch in batches}) == len(server.state()["batches"]) == 1


def test_a_last_answer_that_says_nothing_leaves_the_claim(
    server: BatchServer, connection: Connection, file: InputFile
) -> None:
    """The batch may be there: the next start looks for it before it creates another."""
    server.fail(RouteFault(kind="http_error", route=CREATE, status=502, when="after", calls=(1,)))
    claim = Claim(claimed_at=datetime.now(UTC))
    file.files.write("creating.json", claim)
    first = create(connection, file)
    file.files.remove("submitted.json")
    assert create(connection, file).id == first.id
    number, again = last_claim(file)
    assert number == 2
    assert again is not None
    assert again.claimed_at > claim.claimed_at


def test_a_batch_that_has_not_ended_is_not_fetched(
    server: BatchServer, connection: Connection, file: InputFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is recorded, so that it can be fetched once it has."""
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    batch = create(connection, file)
    with pytest.raises(BatchNotFinished, match="0 of 40 items done"):
        fetch_output.fn(batch)
    assert fetch_output.fn(ended(connection, server, batch)).outcomes == {"succeeded": 40}
