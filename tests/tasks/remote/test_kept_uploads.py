"""An upload that is kept for the next time is never counted on once it is gone."""

from pathlib import Path

import openai
import pytest
from prefect_openai_batch import ChatRequest, Job, open_job, plan_round
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.jobs.submissions import kept_upload, note_kept_upload
from prefect_openai_batch.emulator import BatchServer, RouteFault
from prefect_openai_batch.tasks.clean import remove_all_files, remove_files
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.tries import CREATING

CREATE = "POST */batches"
UNPAID = RouteFault(kind="http_error", route=CREATE, status=429, code="insufficient_quota")
NO_FILE = RouteFault(kind="cannot_find_file", route=CREATE, times=CREATING.most)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose one input file is built."""
    source = tmp_path / "reviews.csv"
    source.write_text("review\nGood.\nBad.\n")
    request = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")
    opened = open_job(str(source), request, job_key="reviews", storage=str(tmp_path / "jobs"))
    keep_rows(opened)
    build_selection(opened, plan_round(opened)[0])
    return opened


@pytest.fixture
def unpaid(server: BatchServer, connection: Connection, job: Job) -> InputFile:
    """Its input file, which is uploaded, and of which no batch was taken."""
    (file,) = job.input_files()
    server.fail(UNPAID)
    with pytest.raises(openai.RateLimitError):
        find_or_create(connection, file, 0)
    server.fail()
    assert kept_upload(file) == server.state()["files"][0]["id"]
    return file


def uploads(server: BatchServer) -> int:
    return sum((one["method"], one["path"]) == ("POST", "/v1/files") for one in server.requests())


@pytest.mark.parametrize("remove", [remove_files, remove_all_files], ids=["cleaned up", "forgotten"])
def test_what_a_clean_up_deletes_is_uploaded_anew(
    server: BatchServer, connection: Connection, job: Job, unpaid: InputFile, remove: object
) -> None:
    """The next start's first batch is good: none of its attempts goes for a file that we have deleted."""
    assert callable(remove)
    remove(connection, job)
    assert server.state()["files"] == []
    batch = find_or_create(connection, unpaid, 0)
    server.advance(5)
    assert connection.batch(batch.id, unpaid).failed_at is None
    assert batch.input_file_id in {one["id"] for one in server.state()["files"]}


def test_a_clean_up_that_broke_off_deletes_it_the_next_time(
    server: BatchServer, connection: Connection, job: Job, unpaid: InputFile
) -> None:
    """It is forgotten first, and found by its name all the same."""
    server.fail(RouteFault(kind="http_error", route="DELETE */files/*", status=400))
    with pytest.raises(openai.BadRequestError):
        remove_files(connection, job)
    assert kept_upload(unpaid) is None
    server.fail()
    remove_files(connection, job)
    assert server.state()["files"] == []


def test_a_kept_upload_that_is_not_found_is_made_anew_once(
    server: BatchServer, connection: Connection, unpaid: InputFile
) -> None:
    """Somebody has deleted it, or it has expired; an upload of now that is not found is told."""
    gone, before = kept_upload(unpaid), uploads(server)
    server.fail(NO_FILE.model_copy(update={"times": 2 * CREATING.most}))
    with pytest.raises(openai.BadRequestError, match="Cannot find file"):
        find_or_create(connection, unpaid, 0)
    assert uploads(server) == before + 1
    note_kept_upload(unpaid, "file-gone")
    server.fail(NO_FILE)
    batch = find_or_create(connection, unpaid, 0)
    assert batch.input_file_id not in (gone, "file-gone", None)
    assert [one["id"] for one in server.state()["batches"]] == [batch.id]
    assert [one["id"] for one in server.state()["files"]] == [batch.input_file_id]


def test_an_upload_is_kept_no_longer_than_until_its_batch_is_found(
    server: BatchServer, connection: Connection, job: Job
) -> None:
    """Else the attempt after one that validation refuses, for it did not find the file, would send it again."""
    (file,) = job.input_files()
    server.fail(
        RouteFault(kind="cut", route=CREATE, when="after", times=1),
        RouteFault(kind="http_error", route="GET */batches", status=403, times=1),
    )
    with pytest.raises(openai.PermissionDeniedError):
        find_or_create(connection, file, 0.3)
    assert kept_upload(file) is not None
    assert find_or_create(connection, file, 0.3).input_file_id == upload_of(server)
    assert kept_upload(file) is None


def upload_of(server: BatchServer) -> str:
    (only,) = server.state()["files"]
    found: str = only["id"]
    return found
