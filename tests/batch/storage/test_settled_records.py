"""Records that stay as they are: a run reads each of them once."""

from pathlib import Path

import pytest
from fsspec import AbstractFileSystem
from prefect import flow, task
from prefect_openai_batch.batch.storage.folders import READ_WHOLE_BYTES, Folder
from prefect_openai_batch.batch.storage.records import settled_records_remembered

from .kept import Note

FIRST, SECOND = Note(text="first"), Note(text="second")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "job"))


def test_a_settled_record_is_read_once(folder: Folder) -> None:
    """While the block runs; before and after it is what stands there."""
    folder.write("note.json", FIRST)
    assert folder.read_settled("note.json", Note) == FIRST
    with settled_records_remembered():
        assert folder.read_settled("note.json", Note) == FIRST
        folder.write("note.json", SECOND)
        assert folder.read_settled("note.json", Note) == FIRST
        assert folder.read("note.json", Note) == SECOND
        with settled_records_remembered():
            assert folder.read_settled("note.json", Note) == SECOND
        assert folder.read_settled("note.json", Note) == FIRST
    assert folder.read_settled("note.json", Note) == SECOND


def test_what_is_not_there_is_looked_for_again(folder: Folder) -> None:
    """Another process may write it at any time."""
    with settled_records_remembered():
        assert folder.read_settled("note.json", Note) is None
        folder.write("note.json", FIRST)
        assert folder.read_settled("note.json", Note) == FIRST


def test_what_is_written_as_settled_is_known(folder: Folder, tmp_path: Path) -> None:
    """And another record in its place, as of copies whose answers came later."""
    with settled_records_remembered():
        folder.write_settled("note.json", FIRST)
        folder.write_settled("note.json", SECOND)
        assert folder.read_settled("note.json", Note) == SECOND
        (tmp_path / "job" / "note.json").unlink()
        assert folder.read_settled("note.json", Note) == SECOND
    assert folder.read_settled("note.json", Note) is None


@pytest.mark.server
def test_it_holds_in_the_threads_of_prefects_tasks(folder: Folder, prefect_server: str) -> None:
    """What one of them has read the flow knows."""

    @task
    def reads() -> Note | None:
        return folder.read_settled("note.json", Note)

    @flow
    def reading() -> tuple[Note | None, Note | None]:
        with settled_records_remembered():
            told = reads.submit().result()
            folder.write("note.json", SECOND)
            return told, folder.read_settled("note.json", Note)

    folder.write("note.json", FIRST)
    assert reading() == (FIRST, FIRST)


def test_what_is_below_is_told_by_one_call(bucket: AbstractFileSystem, tmp_path: Path) -> None:
    """Through all levels; of a folder that is not there it is nothing."""
    folder = Folder("s3://lake/jobs/job")
    names = [f"rounds/{number}/0-{number}/note.json" for number in range(20)]
    for name in names:
        folder.write(name, FIRST)
    log = tmp_path / "object-store.log"
    before = len(log.read_text().splitlines())
    assert sorted((folder / "rounds").below()) == sorted(name.removeprefix("rounds/") for name in names)
    assert len(log.read_text().splitlines()) == before + 1
    assert (folder / "nowhere").below() == []
    assert Folder(str(tmp_path / "nowhere")).below() == []


@pytest.mark.parametrize(("size", "calls"), [(1_000_000, 2), (READ_WHOLE_BYTES + 1, 3)])
def test_a_small_object_is_read_by_one_call(
    bucket: AbstractFileSystem, tmp_path: Path, size: int, calls: int
) -> None:
    """Behind one for its size; of a large one only those parts are read that are asked for."""
    content = bytes(range(256)) * (size // 256 + 1)
    bucket.pipe_file("lake/answers", content[:size])
    log = tmp_path / "object-store.log"
    before = len(log.read_text().splitlines())
    with Folder("s3://lake").open("answers") as file:
        for place in (size - 10, 0):
            file.seek(place)
            assert file.read(10) == content[place : place + 10]
    assert len(log.read_text().splitlines()) == before + calls
