"""A folder as a destination: files of a bounded size, the same bytes of the same rows, whole or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from prefect_openai_batch.batch.errors import DestinationError
from prefect_openai_batch.batch.storage.whole_files import hold
from prefect_openai_batch.batch.tables.destinations import (
    check_apart,
    check_destination,
    first_file_of,
    is_taken,
    is_written,
    write_table,
)
from prefect_openai_batch.batch.tables.files import written_folders
from prefect_openai_batch.batch.tables.rehearsals import rehearse
from prefect_openai_batch.batch.tables.sources import FileSource, open_source

TABLE = pa.table({"id": range(10), "text": [f"text {number}" for number in range(10)]})


@pytest.fixture(autouse=True)
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four rows a file, so that a small table makes several."""
    monkeypatch.setattr(written_folders, "FILE_ROWS", 4)


def write(destination: str, table: pa.Table = TABLE) -> None:
    assert write_table(destination, table.schema, table.to_batches(max_chunksize=2)) == table.num_rows


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def read(destination: str) -> pa.Table:
    reader = open_source(FileSource(path=destination))
    return pa.Table.from_batches(list(reader), reader.schema)


@pytest.mark.parametrize(
    ("named", "suffix"),
    [
        ("", ".parquet"),
        ("*.parquet", ".parquet"),
        ("*.csv", ".csv"),
        ("*.csv.gz", ".csv.gz"),
        ("*.jsonl", ".jsonl"),
    ],
    ids=["the folder", "Parquet", "CSV", "compressed", "JSONL"],
)
def test_a_table_is_written_in_files(tmp_path: Path, named: str, suffix: str) -> None:
    """In the rows' order, twice the same bytes, with the mark that all are there; nothing else is left."""
    destination = f"{tmp_path}/new/out/{named}"
    check_destination(destination)
    rehearse(destination, TABLE.schema, TABLE.to_batches())
    assert list(tmp_path.iterdir()) == []
    assert not is_taken(destination)
    write(destination)
    first = contents(tmp_path / "new/out")
    assert list(first) == ["_SUCCESS", *(f"part-0000{number}{suffix}" for number in range(3))]
    assert (is_written(destination), is_taken(destination)) == (True, True)
    found = read(destination)
    assert [int(value) for value in found["id"].to_pylist()] == TABLE["id"].to_pylist()
    write(destination)
    assert contents(tmp_path / "new/out") == first
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out"]


def test_a_file_is_bounded_by_bytes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group later the next begins."""
    monkeypatch.setattr(written_folders, "FILE_BYTES", 1)
    write(f"{tmp_path}/out/")
    assert len(contents(tmp_path / "out")) == 5 + 1


def test_a_table_of_no_rows_is_one_file(tmp_path: Path) -> None:
    """With its columns."""
    write(f"{tmp_path}/out/", TABLE.slice(0, 0))
    assert read(f"{tmp_path}/out/").equals(TABLE.slice(0, 0))


def test_metadata_is_in_each_file(tmp_path: Path) -> None:
    """By it a job knows its own table."""
    write(f"{tmp_path}/out/", TABLE.replace_schema_metadata({"by": "us"}))
    assert {pq.read_schema(path).metadata[b"by"] for path in (tmp_path / "out").glob("*.parquet")} == {b"us"}
    assert read(f"{tmp_path}/out/").schema.metadata == {b"by": b"us"}


def test_a_folder_that_exists_is_refused_unless_it_may_be_replaced(tmp_path: Path) -> None:
    """An empty one is as good as none; of a longer table in another format nothing stays."""
    (tmp_path / "out").mkdir()
    check_destination(f"{tmp_path}/out/")
    write(f"{tmp_path}/out/*.csv")
    with pytest.raises(DestinationError, match="exists already"):
        check_destination(f"{tmp_path}/out/", "refuse")
    check_destination(f"{tmp_path}/out/", "replace")
    write(f"{tmp_path}/out/", TABLE.slice(0, 2))
    assert list(contents(tmp_path / "out")) == ["_SUCCESS", "part-00000.parquet"]


@pytest.mark.parametrize("stranger", ["mine.csv", ".hidden", "part-0.parquet", "part-00000.txt", "deeper"])
@pytest.mark.parametrize("if_exists", ["refuse", "replace"])
def test_strangers_are_never_removed(
    tmp_path: Path, stranger: str, if_exists: Literal["refuse", "replace"]
) -> None:
    """A folder with a file of others is refused, early and when it comes later."""
    write(f"{tmp_path}/out/")
    before = contents(tmp_path / "out")
    (tmp_path / "out" / stranger).touch()
    with pytest.raises(DestinationError, match=f"holds {stranger}, which is no file of a table"):
        check_destination(f"{tmp_path}/out/", if_exists)
    with pytest.raises(DestinationError, match=f"holds {stranger}"):
        write(f"{tmp_path}/out/")
    assert contents(tmp_path / "out") == before | {stranger: b""}


def test_what_fails_in_mid_write_leaves_the_older_table(tmp_path: Path) -> None:
    """And nothing beside it."""

    def failing() -> Iterator[pa.RecordBatch]:
        yield from TABLE.to_batches()
        raise OSError("the disk is full")

    write(f"{tmp_path}/out/", TABLE.slice(0, 1))
    before = contents(tmp_path / "out")
    with pytest.raises(OSError, match="disk is full"):
        write_table(f"{tmp_path}/out/", TABLE.schema, failing())
    assert (contents(tmp_path / "out"), len(list(tmp_path.iterdir()))) == (before, 1)


def test_a_link_to_a_folder_stays_one(tmp_path: Path) -> None:
    """The table goes where it leads."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "disk")
    write(f"{tmp_path}/out/")
    assert (tmp_path / "out").is_symlink()
    assert len(contents(tmp_path / "disk")) == 4


def test_a_folder_and_a_file_are_told_apart(tmp_path: Path) -> None:
    """Each with its way out."""
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(DestinationError, match=f"name a file, or {tmp_path}/out.csv/ to write the table into it"):
        check_destination(f"{tmp_path}/out.csv")
    with pytest.raises(DestinationError, match="or let it end in / for a folder of files"):
        check_destination(f"{tmp_path}/nothing")
    (tmp_path / "file").touch()
    with pytest.raises(DestinationError, match="is a file, and named as a folder"):
        check_destination(f"{tmp_path}/file/")
    with pytest.raises(DestinationError, match="is where a disk is mounted"):
        check_destination("/proc/")
    assert first_file_of("s3://lake/out/*.csv") == "s3://lake/out/part-00000.csv"
    assert first_file_of("out/x*.csv") == "out/x*.csv"


@pytest.mark.parametrize(
    ("source", "destination", "refused"),
    [
        ("lake/", "lake/out/", True),
        ("lake", "lake/deep/out.csv", True),
        ("lake/*.csv", "lake/out.csv", True),
        ("lake/**/*.csv", "lake/out/*.csv", True),
        ("lake/*.csv", "lake/out.parquet", False),
        ("lake/*.csv", "lake/out/*.csv", False),
        ("lake/", "lake-answers/", False),
        ("lake/", "lake/_answers/", False),
        ("lake/a.csv", "lake/out.csv", False),
    ],
)
def test_a_destination_never_lies_among_the_files_of_the_source(
    tmp_path: Path, source: str, destination: str, refused: bool
) -> None:
    """Else the next run would ask about its own answers."""
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/a.csv").touch()
    places = f"{tmp_path}/{source}", f"{tmp_path}/{destination}", f"{tmp_path}/jobs/a"
    if refused:
        with pytest.raises(DestinationError, match="lies among the files of the source"):
            check_apart(*places)
    else:
        check_apart(*places)


def test_elsewhere_the_mark_is_removed_first_and_comes_last() -> None:
    """Files of the same names are overwritten, those of a longer earlier try removed; strangers stay refused."""
    store, url = MemoryFileSystem(), "memory://written-folders/out/"
    check_destination(url)
    rehearse(url, TABLE.schema, TABLE.to_batches())
    write(url)
    names = [f"/written-folders/out/{name}" for name in ("_SUCCESS", *(f"part-0000{n}.parquet" for n in range(3)))]
    assert sorted(store.ls("/written-folders/out", detail=False)) == names

    def failing() -> Iterator[pa.RecordBatch]:
        assert not is_written(url)
        yield from TABLE.to_batches(max_chunksize=4)[:1]
        yield from TABLE.to_batches(max_chunksize=4)[:1]
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        write_table(url, TABLE.schema, failing())
    assert (is_written(url), is_taken(url)) == (False, True)
    write(url, TABLE.slice(0, 2))
    assert sorted(store.ls("/written-folders/out", detail=False)) == names[:2]
    assert read(url).equals(TABLE.slice(0, 2))
    store.pipe_file("/written-folders/out/mine.txt", b"")
    with pytest.raises(DestinationError, match=r"holds mine\.txt"):
        check_destination(url, "replace")


@pytest.mark.parametrize("name", ["out/", "out.csv"])
def test_what_a_killed_process_has_left_goes_with_the_next_writing(tmp_path: Path, name: str) -> None:
    """It holds people's data. What somebody is at work on stays, what was just made, and what is another's."""
    stays = [".out.0000000", ".another.csv.00000000", ".out.csv.00000001" if name == "out/" else ".out.00000001"]
    for left in [f".{name.strip('/')}.{number:08x}" for number in range(3)] + stays:
        (tmp_path / left).mkdir() if name == "out/" else (tmp_path / left).write_text("a,b")
        os.utime(tmp_path / left, (0, 0))
    dead, young, held = sorted(tmp_path.glob(f".{name.strip('/')}.0000000?"))
    young.touch()
    descriptor = os.open(held, os.O_RDONLY)
    assert hold(descriptor)
    write(f"{tmp_path}/{name}")
    assert {path.name for path in tmp_path.iterdir()} == {name.strip("/"), young.name, held.name, *stays}
    os.close(descriptor)
    write(f"{tmp_path}/{name}")
    assert not held.exists()
    assert not dead.exists()


@pytest.mark.parametrize(
    ("older", "at"),
    [(False, 1), (True, 1), (True, 2)],
    ids=["nothing there", "an older table there", "an older table aside"],
)
def test_two_starts_may_put_their_table_in_place_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, older: bool, at: int
) -> None:
    """What another has done between two of its steps is no failure of either."""
    destination, steps, rename = f"{tmp_path}/out/", 0, Path.rename

    def overtaken(path: Path, target: Path) -> Path:
        nonlocal steps
        steps += 1
        if steps == at:
            write(destination)
        return rename(path, target)

    if older:
        write(destination, TABLE.slice(0, 9))
    monkeypatch.setattr(Path, "rename", overtaken)
    write(destination)
    assert read(destination).equals(TABLE)
    assert is_written(destination)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
