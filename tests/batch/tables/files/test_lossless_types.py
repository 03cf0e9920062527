"""Files of one schema may differ in what can be unified without a loss, and in nothing else."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.tables.files.lossless_types import DifferentTypesError, wider

from ..reading import refusal, table_of

STRUCT = pa.struct([("a", pa.int8()), ("b", pa.null())])

TOGETHER = {
    "null": (pa.null(), pa.date32(), pa.date32()),
    "widths": (pa.int16(), pa.int64(), pa.int64()),
    "unsigned widths": (pa.uint8(), pa.uint32(), pa.uint32()),
    "unsigned in signed": (pa.uint32(), pa.int8(), pa.int64()),
    "decimals": (pa.decimal128(9, 2), pa.decimal128(20, 2), pa.decimal128(20, 2)),
    "timestamps": (pa.timestamp("ms", "UTC"), pa.timestamp("us", "UTC"), pa.timestamp("us", "UTC")),
    "texts": (pa.string(), pa.large_string(), pa.large_string()),
    "texts of polars's": (pa.string_view(), pa.string(), pa.large_string()),
    "bytes": (pa.large_binary(), pa.binary_view(), pa.large_binary()),
    "large lists": (pa.large_list(pa.string()), pa.list_(pa.null()), pa.large_list(pa.string())),
    "a category": (pa.dictionary(pa.int8(), pa.string()), pa.string(), pa.string()),
    "categories": (pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int16(), pa.string()), pa.string()),
    "lists": (pa.list_(pa.null()), pa.list_(pa.string()), pa.list_(pa.string())),
    "structs": (STRUCT, pa.struct([("a", pa.int16()), ("b", pa.bool_())]), None),
}
APART = {
    "integers and numbers": (pa.int64(), pa.float64()),
    "floats": (pa.float32(), pa.float64()),
    "a large unsigned": (pa.uint64(), pa.int64()),
    "scales": (pa.decimal128(9, 2), pa.decimal128(9, 3)),
    "zones": (pa.timestamp("us"), pa.timestamp("us", "UTC")),
    "dates and times": (pa.date32(), pa.timestamp("us")),
    "texts and bytes": (pa.string(), pa.binary()),
    "texts and integers": (pa.string(), pa.int64()),
    "other structs": (STRUCT, pa.struct([("a", pa.int8())])),
    "lists of others": (pa.list_(pa.int64()), pa.list_(pa.string())),
}


@pytest.mark.parametrize("pair", TOGETHER)
def test_what_one_type_holds_is_unified(pair: str) -> None:
    """In either order, to the same type."""
    first, second, both = TOGETHER[pair]
    assert wider(first, second) == wider(second, first)
    assert both is None or wider(first, second) == both


@pytest.mark.parametrize("pair", APART)
def test_what_would_lose_is_not(pair: str) -> None:
    """In neither order."""
    first, second = APART[pair]
    for one, other in ((first, second), (second, first)):
        with pytest.raises(DifferentTypesError):
            wider(one, other)


KINDS = st.sampled_from([kind for pair in [*TOGETHER.values(), *APART.values()] for kind in pair[:2]])


INTEGERS = KINDS.filter(pa.types.is_integer)


@given(first=INTEGERS, second=INTEGERS, data=st.data())
def test_every_value_comes_through(first: pa.DataType, second: pa.DataType, data: st.DataObject) -> None:
    """Integers of any width, as they were."""
    try:
        both = wider(first, second)
    except DifferentTypesError:
        return
    signed = pa.types.is_signed_integer(first)
    bits = first.bit_width - signed
    value = data.draw(st.integers(-(2**bits) if signed else 0, 2**bits - 1))
    assert pa.array([value], first).cast(both).to_pylist() == [value]


def write(folder: Path, *columns: Any) -> Path:
    for number, column in enumerate(columns):
        pq.write_table(pa.table({"id": [number], "x": column}), folder / f"{number}.parquet")
    return folder


def test_files_of_parquet_are_unified(tmp_path: Path) -> None:
    """The columns come in the first file's order, in a type that holds all."""
    path = write(tmp_path, pa.nulls(1), pa.array([1], pa.int8()), pa.array([2**40]))
    pq.write_table(pa.table({"x": [7], "id": [9]}), path / "9.parquet")
    table = table_of(path)
    assert table.to_pylist() == [{"id": i, "x": x} for i, x in ((0, None), (1, 1), (2, 2**40), (9, 7))]
    assert table.schema.types == [pa.int64(), pa.int64()]


def test_files_that_differ_are_refused_with_both_names(tmp_path: Path) -> None:
    """The file that first told the type, where the one before has null."""
    said = str(refusal(write(tmp_path, pa.nulls(1), pa.array([1]), pa.array(["a"]))))
    assert said.startswith(f"{tmp_path}/2.parquet, column 'x': is string here and int64 in {tmp_path}/1.parquet; ")


def test_a_value_that_the_finer_type_cannot_hold_is_refused(tmp_path: Path) -> None:
    """A year far off has no nanoseconds."""
    times = [pa.array([datetime(2024, 1, 1)], pa.timestamp("ns")), pa.array([datetime(2999, 1, 1)])]
    said = str(refusal(write(tmp_path, *times)))
    assert "1.parquet, row 1, column 'x': cannot be kept exactly as timestamp[ns]" in said


def test_what_the_files_of_a_frame_say_of_it_stays_where_all_say_the_same(tmp_path: Path) -> None:
    """Its index comes back; one that counts rows is another in each file, and is left."""
    frame = pd.DataFrame({"x": ["a", "b"]}, index=pd.Index(["k", "l"], name="key"))
    frame.iloc[:1].to_parquet(tmp_path / "0.parquet")
    frame.iloc[1:].to_parquet(tmp_path / "1.parquet")
    assert table_of(tmp_path).to_pandas().equals(frame)
    for number in range(2):
        frame.reset_index()[: number + 1].to_parquet(tmp_path / f"{number}.parquet")
    assert b"pandas" not in (table_of(tmp_path).schema.metadata or {})
