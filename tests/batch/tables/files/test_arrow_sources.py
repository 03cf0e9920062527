"""Arrow IPC, in its file and its stream format, is read as it is."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from ..reading import refusal, rows_of, table_of, written

TABLE = pa.table({"id": [1, 2, 3], "text": ["a", None, "c"]}).replace_schema_metadata({"by": "us"})


def in_format(path: Path, table: pa.Table, rows: int = 2, *, stream: bool = False) -> Path:
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return path


@pytest.mark.parametrize("stream", [False, True], ids=["file", "stream"])
@pytest.mark.parametrize("suffix", [".arrow", ".feather", ".ipc"])
def test_an_arrow_table_is_the_table(tmp_path: Path, suffix: str, stream: bool) -> None:
    """Whatever its suffix says of the format, in batches of any size, with its metadata."""
    path = in_format(tmp_path / f"a{suffix}", TABLE, stream=stream)
    for rows in (1, 2, 5_000):
        assert table_of(path, rows).equals(TABLE, check_metadata=True)
    assert rows_of(path, limit=2) == TABLE.to_pylist()[:2]


def test_a_frame_written_as_feather_comes_back(tmp_path: Path) -> None:
    """Compressed, with its categories."""
    frame = pd.DataFrame({"kind": pd.Categorical(["x", "y", "x"]), "text": ["a", "b", None]})
    frame.to_feather(tmp_path / "a.feather")
    assert table_of(tmp_path / "a.feather").to_pandas().equals(frame)


def test_a_table_of_no_rows(tmp_path: Path) -> None:
    """Its columns stay."""
    assert table_of(in_format(tmp_path / "a.arrow", TABLE.slice(0, 0))).equals(TABLE.slice(0, 0))


@pytest.mark.parametrize("content", [b"", b"ARROW1", b"no Arrow"], ids=["empty", "cut", "text"])
def test_what_is_no_arrow_is_refused(tmp_path: Path, content: bytes) -> None:
    """By its name."""
    assert "is not readable as Arrow IPC" in str(refusal(written(tmp_path, "a.arrow", content)))


def test_old_feather_is_told_apart(tmp_path: Path) -> None:
    """It is no broken Arrow, and pandas writes it anew."""
    said = str(refusal(written(tmp_path, "a.feather", b"FEA1 and so on")))
    assert "is Feather of version 1, which is not read; write it anew" in said


def test_columns_and_texts_are_checked_as_those_of_parquet(tmp_path: Path) -> None:
    """Two of one name, and a text that is none."""
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    assert "more than one column" in str(refusal(in_format(tmp_path / "a.arrow", twice)))
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")])
    broken = in_format(tmp_path / "b.arrow", pa.table({"a": bad}))
    assert "row 1, column 'a': holds a text that is not UTF-8" in str(refusal(broken))
