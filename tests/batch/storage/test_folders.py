"""A job folder on any file system: what others write is seen, claims are exclusive, nothing is half there."""

import errno
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prefect_openai_batch import ChatRequest, open_job
from prefect_openai_batch.batch.errors import StorageError
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.batch.storage.rights import check_claims

from .kept import Note, begin


@pytest.mark.parametrize(
    "name", ["[client] jobs", "what?", "a*b", "plain"], ids=["brackets", "mark", "star", "plain"]
)
def test_a_folder_may_be_called_as_one_likes(tmp_path: Path, name: str) -> None:
    """Its path is a path, and no pattern."""
    folder = Folder(str(tmp_path / name))
    folder.make()
    for file in ("1.json", "2.json", "other.txt"):
        folder.write(file, Note(text=file))
    assert folder.names("[0-9]*.json") == ["1.json", "2.json"]
    assert (folder / "absent").names() == []


@pytest.mark.parametrize("way", ["claim", "write"])
def test_a_record_outlives_a_power_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """When the call returns, its content is on the disk, and its name in the folder's."""
    synced: list[Path] = []
    sync = os.fsync

    def noted(file: int) -> None:
        synced.append(Path(f"/proc/self/fd/{file}").readlink())
        sync(file)

    monkeypatch.setattr(os, "fsync", noted)
    getattr(Folder(str(tmp_path)), way)("note.json", Note(text="paid"))
    assert {path.parent for path in synced if path != tmp_path} == {tmp_path}
    assert synced[-1] == tmp_path


def test_a_storage_below_a_file_is_refused(tmp_path: Path) -> None:
    """By the job that is to be begun, before anything is sent."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="cannot be used: .*another storage"):
        begin(tmp_path, f"{tmp_path}/file/jobs")


def test_one_of_many_claims(tmp_path: Path) -> None:
    """However many try at once."""
    folder = Folder(str(tmp_path))
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: folder.claim("claim.json", Note(text=str(number))), range(50)))
    assert claimed.count(True) == 1
    assert folder.names() == ["claim.json"]


@pytest.mark.parametrize("code", [errno.EPERM, errno.EACCES, errno.ENOTSUP], ids=["EPERM", "EACCES", "ENOTSUP"])
def test_claims_need_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Some mounts have none; a claim is exclusive there too."""

    def no_links(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", no_links)
    folder = Folder(str(tmp_path))
    assert folder.claim("claim.json", Note(text="first"))
    assert not folder.claim("claim.json", Note(text="second"))
    assert folder.read("claim.json", Note) == Note(text="first")
    assert [path.name for path in tmp_path.iterdir()] == ["claim.json"]


def test_a_claim_whose_owner_died_in_the_act_says_nothing(tmp_path: Path) -> None:
    """It is there and empty, and read as none."""
    (tmp_path / "claim.json").touch()
    assert Folder(str(tmp_path)).read("claim.json", Note) is None


LEAVE = """
import os, sys
from prefect_openai_batch.batch.temporary_folders import temporary_folder
folder = temporary_folder()
with folder.create("outcomes") as file:
    file.write(b"what people said")
if os.fork() == 0:
    sys.exit()
os.wait()
print(folder.url, folder.exists("outcomes"))
"""


def test_a_temporary_folder_goes_with_its_process(tmp_path: Path) -> None:
    """Not with one that it has forked off; what was left 30 days ago goes with the next."""
    old, young = (tmp_path / f"prefect-openai-batch-{name}" for name in ("old", "young"))
    for folder, days in ((old, 31), (young, 29)):
        folder.mkdir()
        (folder / "outcomes").touch()
        os.utime(folder, (0, time.time() - days * 86_400))
    command, environment = [sys.executable, "-c", LEAVE], {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    url, there = done.stdout.split()
    assert (there, Path(url).parent, Path(url).exists()) == ("True", tmp_path, False)
    assert [path.name for path in tmp_path.iterdir()] == [young.name]


@pytest.mark.parametrize(
    ("storage", "protocol"),
    [
        ("sftp://user:secret@host/jobs", "sftp"),
        ("smb://host/share", "smb"),
        ("hdfs://namenode/jobs", "hdfs"),
        ("webhdfs://host/jobs", "webhdfs"),
        ("ftp://host/jobs", "ftp"),
        ("arrow_hdfs://host/jobs", "arrow_hdfs"),
        ("simplecache::s3://lake/jobs", "simplecache"),
        ("dir::s3://lake/jobs", "dir"),
        ("dir://jobs::file:///tmp", "dir"),
        ("s3://lake/jobs::memory://", "s3"),
        ("no-such-protocol://jobs", "no-such-protocol"),
    ],
)
def test_a_storage_without_exclusive_claims_is_refused(tmp_path: Path, storage: str, protocol: str) -> None:
    """Nothing is connected to or written; the protocol is named, those that may be used too, and no secret."""
    (tmp_path / "rows.csv").write_text("review\nfine\n")
    with pytest.raises(StorageError, match=rf"{re.escape(repr(protocol))}.*s3://, gs:// or abfs://") as refused:
        open_job(str(tmp_path / "rows.csv"), ChatRequest(model="m", prompt="p"), job_key="job", storage=storage)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "storage",
    [
        "jobs",
        "/jobs",
        "~/jobs",
        "[client] jobs",
        "file:///jobs",
        "local:///jobs",
        "s3://lake",
        "gs://lake",
        "az://lake",
    ],
)
def test_a_storage_with_exclusive_claims_is_taken(storage: str) -> None:
    """Disks and mounts, and the object stores whose create is exclusive."""
    check_claims(storage)


def test_a_folder_that_cannot_be_listed_is_not_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one on a mount that fails for a moment: what it holds would count as never sent. One that is gone is."""
    folder = Folder(str(tmp_path / "job"))
    for name in ("1/0/note.json", "10/0/note.json", "10/0/deeper/.note"):
        folder.write(name, Note(text="there"))
    (tmp_path / "job" / "linked").symlink_to(tmp_path / "job" / "1")
    names = ["1/0/note.json", "10/0/deeper/.note", "10/0/note.json", "linked/0/note.json"]
    assert sorted(folder.below()) == names
    listed = os.scandir

    def failing(path: str) -> Any:
        if path.endswith("10/0"):
            raise OSError(errno.EIO, "Input/output error", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", failing)
    with pytest.raises(OSError, match="Input/output"):
        folder.below()
