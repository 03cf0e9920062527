"""Parquet: its own schema, as it is."""

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch.batch.tables.sources import FileSource, open_source

from .reading import refusal, table_of, written


def test_parquet_keeps_its_schema_and_pandas_index(tmp_path: Path) -> None:
    """Categories, zones, nested values and the index come back as they were."""
    frame = pd.DataFrame(
        {
            "kind": pd.Categorical(["a", "b", "a"]),
            "at": pd.to_datetime(["2024-01-01", "NaT", "2024-01-03"]).tz_localize("Europe/Berlin"),
            "tags": [["x"], [], None],
        },
        index=pd.Index(["r1", "r2", "r3"], name="key"),
    )
    frame.to_parquet(tmp_path / "a.parquet")
    table = table_of(tmp_path / "a.parquet", rows=2)
    assert table.schema.equals(pq.read_schema(tmp_path / "a.parquet"), check_metadata=True)
    assert table.equals(pq.read_table(tmp_path / "a.parquet"))
    assert table.to_pandas().index.equals(frame.index)


def test_wide_parquet_rows_make_short_batches(tmp_path: Path) -> None:
    """One row group of 80 MB is read in batches of about 32 MB at most."""
    column = pa.array([bytes([place]) * 2_000_000 for place in range(40)])
    pq.write_table(pa.table({"a": column}), tmp_path / "a.parquet", compression="none", use_dictionary=False)
    batches = list(open_source(FileSource(path=str(tmp_path / "a.parquet"))))
    assert max(batch.nbytes for batch in batches) <= 36_000_000
    assert sum(batch.num_rows for batch in batches) == 40


@pytest.mark.parametrize("keep", [0, 3, 100, -4])
def test_a_broken_parquet_file_is_refused(tmp_path: Path, keep: int) -> None:
    """A file that is cut off, or never was Parquet."""
    pq.write_table(pa.table({"a": list(range(1_000))}), tmp_path / "whole.parquet")
    broken = written(tmp_path, "a.parquet", (tmp_path / "whole.parquet").read_bytes()[:keep])
    assert "Parquet" in str(refusal(broken))


def test_a_parquet_file_broken_inside_is_refused(tmp_path: Path) -> None:
    """The footer is whole, the pages are not."""
    pq.write_table(pa.table({"a": list(range(10_000))}), tmp_path / "a.parquet")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[4:2_000] = b"\xff" * 1_996
    assert refusal(written(tmp_path, "a.parquet", bytes(content)))


BROKEN = pa.Array.from_buffers(
    pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"a\xff")]
)
AT_ONE = pa.array([0, 1], pa.int32())


@pytest.mark.parametrize(
    "column",
    [
        BROKEN,
        pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), BROKEN),
        pa.StructArray.from_arrays([BROKEN], ["a"]),
        pa.DictionaryArray.from_arrays(AT_ONE, BROKEN),
    ],
    ids=["text", "list", "object", "dictionary"],
)
def test_a_text_that_is_not_utf8_is_refused_by_row_and_column(tmp_path: Path, column: pa.Array) -> None:
    """Arrow reads any bytes as text, which can neither be asked nor be written to CSV or JSONL."""
    pq.write_table(pa.table({"n": [1, 2], "odd": column}), tmp_path / "a.parquet", row_group_size=1)
    refused = refusal(tmp_path / "a.parquet")
    assert (refused.details["column"], refused.details["row"]) == ("odd", 1)
    assert "row 2, column 'odd': holds a text that is not UTF-8" in str(refused)


def test_a_name_that_stands_twice_in_parquet_is_refused(tmp_path: Path) -> None:
    """Templates could not tell the columns apart."""
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), tmp_path / "a.parquet")
    assert refusal(tmp_path / "a.parquet").details["column"] == "a"


def test_parquet_without_columns_or_compressed_outside_is_refused(tmp_path: Path) -> None:
    """Neither is a table that can be read row by row."""
    pq.write_table(pa.table({}), tmp_path / "a.parquet")
    assert "no columns" in str(refusal(tmp_path / "a.parquet"))
    assert "compressed inside" in str(refusal(written(tmp_path, "a.parquet.gz", gzip.compress(b""))))


def test_types_for_parquet_are_refused(tmp_path: Path) -> None:
    """An option that would have no effect is a mistake."""
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    assert "own types" in str(refusal(tmp_path / "a.parquet", types={"a": "text"}))
