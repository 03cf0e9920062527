"""What cannot be written is found out before anything is paid, and nothing of the rehearsal stays."""

import errno
import os
from pathlib import Path

import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from prefect_openai_batch.batch.errors import DestinationError
from prefect_openai_batch.batch.tables.destinations import check_destination, write_table
from prefect_openai_batch.batch.tables.rehearsals import rehearse

ROWS = pa.record_batch({"a": ["x"]})
NESTED = pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([["a"]]))
UNION = pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])
ENDED = pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["a"]))
BROKEN = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet", "new/folder/out.csv"])
def test_a_rehearsal_leaves_nothing(tmp_path: Path, name: str) -> None:
    """Neither a file nor the folders that the table will need."""
    rehearse(str(tmp_path / name), ROWS.schema, [ROWS])
    rehearse(str(tmp_path / name), ROWS.schema, [])
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_on_another_filesystem_leaves_nothing() -> None:
    """What is there stays as it is."""
    MemoryFileSystem().pipe_file("/rehearsals/out.csv", b"precious")
    rehearse("memory://rehearsals/out.csv", ROWS.schema, [ROWS])
    assert MemoryFileSystem().ls("/rehearsals", detail=False) == ["/rehearsals/out.csv"]
    assert MemoryFileSystem().cat_file("/rehearsals/out.csv") == b"precious"


@pytest.mark.parametrize(
    ("name", "column"),
    [("o.parquet", NESTED), ("o.parquet", UNION), ("o.parquet", ENDED), ("o.csv", BROKEN), ("o.jsonl", BROKEN)],
    ids=["dictionary of lists", "union", "run ends", "no UTF-8 in CSV", "no UTF-8 in JSONL"],
)
def test_a_column_that_a_format_cannot_hold_is_named(tmp_path: Path, name: str, column: pa.Array) -> None:
    """By its name and type, with the way out."""
    rows = pa.RecordBatch.from_arrays([ROWS["a"], column], names=["a", "odd one"])
    with pytest.raises(DestinationError, match=r"cannot hold the column 'odd one' \(.*Leave the column out") as no:
        rehearse(str(tmp_path / name), rows.schema, [rows])
    assert no.value.details["column"] == "odd one"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x" * 252 + ".csv", "x" * 300 + "/out.csv"], ids=["file", "folder"])
def test_a_name_that_is_too_long_is_refused(tmp_path: Path, name: str) -> None:
    """By looking at it, or else by the rehearsal."""

    def prepare() -> None:
        check_destination(str(tmp_path / name))
        rehearse(str(tmp_path / name), ROWS.schema, [ROWS])

    with pytest.raises(DestinationError, match="cannot be written: .*too long"):
        prepare()


@pytest.mark.parametrize("letter", ["x", "ä", "\U0001f642"], ids=["one byte", "two bytes", "four bytes"])
def test_a_name_as_long_as_can_be_is_written(tmp_path: Path, letter: str) -> None:
    """Its temporary name is no longer than it is itself."""
    name = letter * ((255 - len(".csv")) // len(letter.encode())) + ".csv"
    rehearse(str(tmp_path / name), ROWS.schema, [ROWS])
    write_table(str(tmp_path / name), ROWS.schema, [ROWS])
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """Whatever its bits say, it is tried."""
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(DestinationError, match="cannot be written"):
        rehearse(str(tmp_path / "closed/out.csv"), ROWS.schema, [ROWS])


def test_a_storage_that_may_not_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bucket to which the key has no right."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Access Denied")

    monkeypatch.setattr(MemoryFileSystem, "put_file", refused)
    with pytest.raises(DestinationError, match="Access Denied"):
        rehearse("memory://rehearsals/closed.csv", ROWS.schema, [ROWS])
