"""Where there are no hard links, what is claimed is empty until it is written: nobody takes its owner for dead."""

import errno
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pytest
from prefect_openai_batch import ChatRequest, Job, open_job
from prefect_openai_batch.batch.errors import JobKeyError
from prefect_openai_batch.batch.storage.folders import Folder

from .kept import Note


@pytest.fixture(autouse=True)
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on gcsfuse, and on some NFS and SMB mounts."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)


def while_claimed(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
    """Let something happen once when a file of this name is there, and empty."""
    opened, pending = Path.open, [act]

    def opening(path: Path, mode: str = "r", **others: Any) -> IO[Any]:
        file = opened(path, mode, **others)
        if mode == "xb" and path.name == name and pending:
            pending.pop()()
        return file

    monkeypatch.setattr(Path, "open", opening)


def begin(folder: Path, prompt: str) -> Job:
    (folder / "rows.csv").write_text("text\na\n")
    request = ChatRequest(model="gpt-5-mini", prompt=prompt)
    return open_job(str(folder / "rows.csv"), request, job_key="job", storage=str(folder / "jobs"))


def test_a_job_that_is_being_begun_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one of its key is refused, and does not take its place."""
    with ThreadPoolExecutor(1) as pool:

        def start_another() -> None:
            others.append(pool.submit(begin, tmp_path, "Other: {{ text }}"))
            time.sleep(0.5)

        others: list[Any] = []
        while_claimed(monkeypatch, "job.json", start_another)
        job = begin(tmp_path, "{{ text }}")
        with pytest.raises(JobKeyError, match="another request .* goes on with the request that it began with"):
            others[0].result()
    assert Folder(job.folder).read("job.json", Job) == job


def test_who_is_taken_for_dead_is_not_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wrote for so long that another one has recorded its own."""
    folder = Folder(str(tmp_path))
    while_claimed(monkeypatch, "note.json", lambda: folder.write("note.json", Note(text="another's")))
    assert folder.write_first("note.json", Note(text="ours")) == Note(text="another's")


def test_what_nobody_writes_any_more_is_written(tmp_path: Path) -> None:
    """Whoever claimed it died in the act."""
    (tmp_path / "note.json").touch()
    assert Folder(str(tmp_path)).write_first("note.json", Note(text="ours")) == Note(text="ours")
    assert Folder(str(tmp_path)).read("note.json", Note) == Note(text="ours")
