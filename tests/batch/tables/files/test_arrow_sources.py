"""Arrow IPC, in its file and its stream format, is read as it is."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch.batch.tables.destinations import write_table
from prefect_openai_batch.batch.tables.json_values import json_values
from prefect_openai_batch.batch.tables.row_groups import RowGroup

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


VIEWS: dict[str, tuple[pa.Array, pa.DataType]] = {
    "texts": (pa.array(["a", None, "c"], pa.string_view()), pa.string_view()),
    "bytes": (pa.array([b"a", None, b"c"], pa.binary_view()), pa.binary_view()),
    "lists": (
        pa.array([["a"], None, ["b", "c"]], pa.large_list(pa.string_view())),
        pa.large_list(pa.large_string()),
    ),
    "list views": (pa.array([[1], None, [2, 3]], pa.list_view(pa.int64())), pa.list_(pa.int64())),
    "objects": (
        pa.array([{"a": ["x"]}, None, {"a": None}], pa.struct({"a": pa.list_(pa.string_view())})),
        pa.struct({"a": pa.list_(pa.large_string())}),
    ),
    "categories": (
        pa.DictionaryArray.from_arrays([1, None, 0], pa.array(["x", "y"], pa.string_view())),
        pa.dictionary(pa.int64(), pa.large_string()),
    ),
    "lists of categories": (
        pa.ListArray.from_arrays(
            [0, 1, 1, 2], pa.DictionaryArray.from_arrays([1, 0], pa.array(["x", "y"], pa.string_view()))
        ),
        pa.list_(pa.dictionary(pa.int64(), pa.large_string())),
    ),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_what_they_show(tmp_path: Path, name: str) -> None:
    """As polars writes its texts: they can be asked about, and written to any table."""
    column, kind = VIEWS[name]
    found = table_of(in_format(tmp_path / "a.arrow", pa.table({"x": column}), rows=9))
    assert found.schema.field("x").type == kind
    assert found["x"].to_pylist() == column.to_pylist()
    assert len(json_values(found["x"].combine_chunks())) == 3
    for suffix in ("csv", "jsonl", "parquet"):
        write_table(str(tmp_path / f"out.{suffix}"), found.schema, found.to_batches())


@pytest.mark.parametrize("name", ["texts", "bytes", "lists", "list views", "objects"])
def test_views_in_parquet_are_what_they_show(tmp_path: Path, name: str) -> None:
    """Parquet remembers the type that it was written from."""
    column, kind = VIEWS[name]
    pq.write_table(pa.table({"x": column, "n": range(3)}), tmp_path / "a.parquet")
    found = table_of(tmp_path / "a.parquet")
    assert found.schema.field("x").type == kind
    assert found["x"].to_pylist() == column.to_pylist()
    assert RowGroup.of(range(3), found.combine_chunks().to_batches()[0]).values["n"] == [0, 1, 2]


UNKEPT = {
    "run ends": pa.run_end_encoded(pa.int32(), pa.string()),
    "union": pa.sparse_union([pa.field("a", pa.int64())]),
    "interval": pa.month_day_nano_interval(),
    "empty object": pa.list_(pa.struct([])),
    "categories of objects": pa.dictionary(pa.int8(), pa.struct([("a", pa.int64())])),
    "bytes of no length": pa.binary(0),
}


@pytest.mark.parametrize("kind", UNKEPT.values(), ids=UNKEPT)
def test_what_parquet_cannot_hold_is_refused_by_its_column(tmp_path: Path, kind: pa.DataType) -> None:
    """Rows are kept as Parquet; before any of them is read."""
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), pa.schema([("n", pa.int64()), ("x", kind)])):
        pass
    error = refusal(tmp_path / "a.arrow")
    assert error.details["column"] == "x"
    assert f"is of the type {kind}, which cannot be kept" in str(error)


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
