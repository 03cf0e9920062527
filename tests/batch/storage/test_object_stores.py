"""A job folder and a table in an object store: what it lets us do is seen before anything is paid."""

import errno
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from click.testing import CliRunner
from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from prefect_openai_batch.batch.errors import DestinationError, SourceError, StorageError
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.batch.storage.locations import absolute
from prefect_openai_batch.batch.tables.files.found_files import find_files
from prefect_openai_batch.batch.tables.rehearsals import rehearse
from prefect_openai_batch.cli.batches import jobs_command
from prefect_openai_batch.cli.resume import resume_command

from .kept import Note, begin

STORE = fsspec.get_filesystem_class("s3")


def refusing(monkeypatch: pytest.MonkeyPatch, operation: str) -> None:
    """Let the store answer this operation as it does a key that lacks the right to it."""

    async def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Access Denied")

    patched(monkeypatch, operation, refused)


def patched(monkeypatch: pytest.MonkeyPatch, operation: str, done: object) -> None:
    """Let the store's library do this instead."""
    monkeypatch.setattr(STORE, operation, done)
    STORE.clear_instance_cache()  # each instance holds on to what it had


def test_what_another_process_writes_is_seen(bucket: AbstractFileSystem) -> None:
    """A file system's memory of what was there hides nothing."""
    folder = Folder("s3://lake/jobs/job")
    folder.write("1.json", Note(text="mine"))
    assert folder.names() == ["1.json"]
    bucket.pipe_file("lake/jobs/job/2.json", Note(text="theirs").model_dump_json().encode())
    assert folder.names() == ["1.json", "2.json"]
    assert folder.exists("2.json")
    assert folder.read("2.json", Note) == Note(text="theirs")


def test_a_bucket_that_is_missing_is_refused_and_not_made(bucket: AbstractFileSystem, tmp_path: Path) -> None:
    """A misspelt name would put people's data where nobody looks for it."""
    with pytest.raises(StorageError, match="s3://lak/jobs/job cannot be used: .*bucket.*another storage"):
        begin(tmp_path, "s3://lak/jobs")
    assert bucket.ls("", refresh=True) == ["lake"]


@pytest.mark.parametrize("url", ["s3://lak/out.csv", "simplecache::s3://lak/out.csv"])
def test_a_misspelt_bucket_of_a_table_is_refused_and_not_made(bucket: AbstractFileSystem, url: str) -> None:
    """By the rehearsal."""
    with pytest.raises(DestinationError, match=r"s3://lak/out.csv cannot be written: .*bucket"):
        rehearse(url, pa.schema([]), [])
    assert bucket.ls("", refresh=True) == ["lake"]


def test_one_of_many_claims(bucket: AbstractFileSystem) -> None:
    """However many try at once."""
    folder = Folder("s3://lake/jobs/job")
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: folder.claim("claim.json", Note(text=str(number))), range(50)))
    assert claimed.count(True) == 1
    assert folder.names() == ["claim.json"]


def test_a_store_that_writes_over_claims_is_refused(
    bucket: AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As s3fs does before 2024.12, and a server that does not heed `If-None-Match`: two would pay."""
    written = STORE._pipe_file

    async def heedless(self: Any, path: str, data: bytes, **_: object) -> None:
        await written(self, path, data)

    patched(monkeypatch, "_pipe_file", heedless)
    for _ in range(2):
        with pytest.raises(StorageError, match=r"two processes claim the same batch.*If-None-Match"):
            begin(tmp_path, "s3://lake/jobs")
    assert not bucket.exists("lake/jobs/job/job.json")


@pytest.mark.parametrize("code", [errno.EINVAL, errno.EBUSY], ids=["refused otherwise", "in conflict"])
def test_a_claim_that_is_there_is_no_error_whatever_the_store_says(
    monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Some servers name no condition, and two that write at once are in conflict; else it is an error."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(code, "At least one of the preconditions failed")

    folder = Folder("memory://claims/job")
    folder.claim("claim.json", Note(text="theirs"))
    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refused)
    assert not folder.claim("claim.json", Note(text="mine"))
    with pytest.raises(OSError, match="preconditions"):
        folder.claim("other.json", Note(text="mine"))


@pytest.mark.parametrize("name", ["[client] jobs", "what?", "a*b", "plain"])
def test_what_is_removed_is_what_was_named(bucket: AbstractFileSystem, name: str) -> None:
    """A name is no pattern: a neighbour's files stay."""
    folder, beside = Folder(f"s3://lake/{name}"), ("c jobs", "whats", "aab", "plainer")
    for one in (folder, *(Folder(f"s3://lake/{other}") for other in beside)):
        for file in ("1.json", "rows/2.json"):
            one.write(file, Note(text=file))
    folder.remove("1.json")
    assert folder.names() == ["rows"]
    folder.remove()
    folder.remove("absent.json")
    assert folder.names() == []
    assert len(bucket.find("lake", refresh=True)) == 2 * len(beside)


def test_what_may_not_be_removed_is_told(bucket: AbstractFileSystem, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table would be a mixture of two, a stop would stay, and people's data be thought gone."""
    folder = Folder("s3://lake/jobs/job")
    folder.write("1.json", Note(text="mine"))
    refusing(monkeypatch, "_rm_file")
    with pytest.raises(PermissionError, match="Access Denied"):
        folder.remove()
    assert folder.names() == ["1.json"]


def test_a_place_that_may_be_written_and_not_read_is_refused(
    bucket: AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the job would fail when its table is looked for, with everything paid."""
    refusing(monkeypatch, "_info")
    with pytest.raises(DestinationError, match=r"may be written, but not be looked at: .*Access Denied"):
        rehearse("s3://lake/out.csv", pa.schema([]), [])
    monkeypatch.undo()
    assert bucket.find("lake", refresh=True) == []


@pytest.mark.parametrize("older", [True, False], ids=["in place of a table", "new"])
def test_a_folder_is_replaced_where_its_files_may_be_removed(
    bucket: AbstractFileSystem, monkeypatch: pytest.MonkeyPatch, *, older: bool
) -> None:
    """Else what a longer table before it has left would be read with it; a new one needs no such right."""
    if older:
        bucket.touch("lake/out/part-00001.parquet")
    refusing(monkeypatch, "_rm_file")
    refused = pytest.raises(DestinationError, match="cannot be written: .*Access Denied")
    with refused if older else nullcontext():
        rehearse("s3://lake/out/", pa.schema([]), [])


@pytest.mark.usefixtures("bucket")
def test_nobody_is_let_in_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's library says so by an error of its own, which is no error of the system."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    STORE.clear_instance_cache()
    with pytest.raises(StorageError, match=r"cannot be used: .*credentials"):
        begin(tmp_path, "s3://lake/jobs")
    with pytest.raises(SourceError, match=r"cannot be read: .*credentials"):
        find_files("s3://lake/reviews.csv")
    with pytest.raises(DestinationError, match=r"cannot be written: .*credentials"):
        rehearse("s3://lake/out.csv", pa.schema([]), [])


def test_what_a_busy_store_says_is_no_refusal(
    bucket: AbstractFileSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another time it may do it: the run fails, and is retried."""

    async def busy(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, "Please reduce your request rate")

    patched(monkeypatch, "_cat_file", busy)
    with pytest.raises(OSError, match="reduce your request rate"):
        begin(tmp_path, "s3://lake/jobs")
    monkeypatch.undo()
    assert bucket.find("lake", refresh=True) == []


def test_a_misspelt_bucket_is_no_lost_folder(bucket: AbstractFileSystem, tmp_path: Path) -> None:
    """`resume` would take the answers without their rows, and delete OpenAI's files."""
    begin(tmp_path, "s3://lake/jobs")
    command = ["job", "--storage", "s3://lak/jobs", "--to", str(tmp_path / "out.csv")]
    done = CliRunner().invoke(resume_command, command)
    assert isinstance(done.exception, StorageError)
    assert "the bucket lak is not there" in str(done.exception)
    assert bucket.exists("lake/jobs/job/job.json")


@pytest.mark.usefixtures("bucket")
def test_a_misspelt_bucket_is_no_storage_without_jobs() -> None:
    """`jobs` says so, where it would say that there are none."""
    done = CliRunner().invoke(jobs_command, ["--storage", "s3://lak/jobs"])
    assert isinstance(done.exception, StorageError)
    assert CliRunner().invoke(jobs_command, ["--storage", "s3://lake/jobs"]).stderr == "no job in s3://lake/jobs\n"


@pytest.mark.parametrize(
    "url", ["filecache::s3://lake/out.csv", "simplecache::s3://lake/out.csv", "s3://lake/a b"]
)
def test_a_url_is_no_path_of_this_machine(url: str) -> None:
    """Whatever the protocol is called."""
    assert absolute(url) == url
