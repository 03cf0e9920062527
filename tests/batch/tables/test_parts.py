import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.batch.tables.destinations import write_table
from prefect_openai_batch.batch.tables.json_values import row_values
from prefect_openai_batch.batch.tables.parts import (
    Part,
    part_name,
    read_rows,
    read_schema,
    read_selected_rows,
    write_parts,
)
from prefect_openai_batch.batch.tables.sources import FileSource, open_source

from .test_value_texts import COLUMNS

FIXTURE_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def numbers(folder: Path, count: int) -> FileSource:
    path = folder / "numbers.csv"
    path.write_text("n,text\n" + "".join(f"{number},row {number}\n" for number in range(count)))
    return FileSource(path=str(path), types={"n": "integer"})


def keep(source: FileSource, place: Path, rows_per_part: int, batch_rows: int = 5_000) -> list[Part]:
    return list(write_parts(open_source(source, batch_rows), Folder(str(place)), rows_per_part))


def column(folder: Path, parts: list[Part], name: str = "n") -> list[Any]:
    files = Folder(str(folder))
    return [
        value for part in parts for batch in read_rows(files, part.number) for value in batch[name].to_pylist()
    ]


@FIXTURE_IS_REUSED
@given(count=st.integers(1, 60), rows_per_part=st.integers(1, 25), batch_rows=st.integers(1, 30))
def test_parts_hold_all_rows_in_order(tmp_path: Path, count: int, rows_per_part: int, batch_rows: int) -> None:
    """Every part but the last is full, however the source's batches fall."""
    parts = keep(numbers(tmp_path, count), tmp_path / "job", rows_per_part, batch_rows)
    assert column(tmp_path / "job", parts) == list(range(count))
    assert [part.number for part in parts] == list(range(len(parts)))
    assert [part.first_row for part in parts] == list(range(0, count, rows_per_part))
    assert {part.rows for part in parts[:-1]} <= {rows_per_part}
    assert sum(part.rows for part in parts) == count


@FIXTURE_IS_REUSED
@given(
    wanted=st.sets(st.integers(0, 49), min_size=1),
    rows_per_part=st.integers(1, 60),
    batch_rows=st.integers(1, 12),
)
def test_selected_rows_are_those_asked_for(
    tmp_path: Path, wanted: set[int], rows_per_part: int, batch_rows: int
) -> None:
    """Row numbers and rows fit together, across parts and row groups."""
    keep(numbers(tmp_path, 50), tmp_path / "job", rows_per_part, batch_rows)
    asked = np.array(sorted(wanted), dtype=np.int64)
    found = list(read_selected_rows(Folder(str(tmp_path / "job")), asked, ["n"]))
    assert [number for rows, _ in found for number in rows.tolist()] == sorted(wanted)
    for rows, batch in found:
        assert rows.dtype == np.int64
        assert batch.schema.names == ["n"]
        assert batch["n"].to_pylist() == rows.tolist()


def test_only_row_groups_with_wanted_rows_are_read(tmp_path: Path) -> None:
    """A broken row group does not matter to rows that lie elsewhere."""
    keep(numbers(tmp_path, 30), tmp_path / "job", 30, batch_rows=10)
    path = tmp_path / "job" / part_name(0)
    first = pq.ParquetFile(path).metadata.row_group(0).column(0)
    content = bytearray(path.read_bytes())
    content[4 : 4 + first.total_compressed_size] = b"\xff" * first.total_compressed_size
    path.write_bytes(bytes(content))
    folder = Folder(str(tmp_path / "job"))
    found = list(read_selected_rows(folder, np.array([10, 29])))
    assert [batch["n"].to_pylist() for _, batch in found] == [[10], [29]]
    with pytest.raises(OSError, match=r".+"):
        list(read_selected_rows(folder, np.array([0])))


@pytest.mark.parametrize("name", COLUMNS)
def test_rows_of_every_type_are_selected(tmp_path: Path, name: str) -> None:
    """A later round asks of them again."""
    pq.write_table(pa.table({"x": COLUMNS[name], "n": range(len(COLUMNS[name]))}), tmp_path / "a.parquet")
    keep(FileSource(path=str(tmp_path / "a.parquet")), tmp_path / "job", 5)
    last = len(COLUMNS[name]) - 1
    (found,) = read_selected_rows(Folder(str(tmp_path / "job")), np.array([last], dtype=np.int64), ["x"])
    column = pq.read_table(tmp_path / "a.parquet")["x"].combine_chunks()
    assert repr(row_values(found[1]["x"])) == repr(row_values(column)[last:])


@pytest.mark.parametrize("row", [7, 9, 500])
def test_a_row_that_is_not_there_is_an_error(tmp_path: Path, row: int) -> None:
    """A wrong row number never gives another row, nor nothing."""
    keep(numbers(tmp_path, 7), tmp_path / "job", 5)
    with pytest.raises((IndexError, FileNotFoundError)):
        list(read_selected_rows(Folder(str(tmp_path / "job")), np.array([0, row])))


def test_parts_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    """A second start writes what the first one wrote."""
    source = numbers(tmp_path, 12_000)
    keep(source, tmp_path / "first", 5_000)
    keep(source, tmp_path / "second", 5_000)
    names = [part_name(number) for number in range(3)]
    assert sorted(path.name for path in (tmp_path / "first/rows").iterdir()) == [Path(name).name for name in names]
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_a_source_that_breaks_leaves_no_half_part(tmp_path: Path) -> None:
    """The parts before the broken row are whole; the one that holds it is not there."""
    path = tmp_path / "a.csv"
    path.write_text("a,b\n" + "1,2\n" * 12 + "1\n")
    parts = write_parts(open_source(FileSource(path=str(path)), 2), Folder(str(tmp_path / "job")), 5)
    assert [next(parts).rows, next(parts).rows] == [5, 5]
    with pytest.raises(SourceError, match="row 13"):
        next(parts)
    assert sorted(file.name for file in (tmp_path / "job/rows").iterdir()) == [
        "00000.parquet",
        "00001.parquet",
    ]


def test_row_groups_are_bounded_by_rows_and_bytes(tmp_path: Path) -> None:
    """5,000 rows or about 32 MB, whatever size the source's batches are."""
    many = keep(numbers(tmp_path, 12_000), tmp_path / "many", 50_000, batch_rows=20_000)
    assert [part.rows for part in many] == [12_000]
    assert max(batch.num_rows for batch in read_rows(Folder(str(tmp_path / "many")), 0)) <= 5_000
    wide = tmp_path / "wide.parquet"
    pq.write_table(pa.table({"n": [b"x" * 1_000_000] * 100}), wide)
    keep(FileSource(path=str(wide)), tmp_path / "wide", 50_000)
    assert max(batch.nbytes for batch in read_rows(Folder(str(tmp_path / "wide")), 0)) <= 36_000_000


@pytest.mark.parametrize("names", [["a.b"], ["a"], ["a.b", ""], ["", "a"], []])
def test_columns_are_picked_by_their_whole_names(tmp_path: Path, names: list[str]) -> None:
    """A dot in a name is part of it, and no column at all still has rows."""
    source = tmp_path / "a.parquet"
    pq.write_table(pa.table({"": [1, 2], "a.b": [3, 4], "a": [{"b": 5}, {"b": 6}]}), source)
    keep(FileSource(path=str(source)), tmp_path / "job", 10)
    (batch,) = read_rows(Folder(str(tmp_path / "job")), 0, names)
    assert batch.schema.names == names
    assert batch.num_rows == 2


def test_the_schema_is_the_source_s_own(tmp_path: Path) -> None:
    """Its metadata too, from which pandas takes the index."""
    source = tmp_path / "a.parquet"
    schema = pa.schema([pa.field("a", pa.dictionary(pa.int8(), pa.string()))], metadata={"pandas": "{}"})
    pq.write_table(
        pa.table([pa.array(["x", "y"]).dictionary_encode().cast(schema.field("a").type)], schema=schema),
        source,
    )
    keep(FileSource(path=str(source)), tmp_path / "job", 1)
    assert read_schema(Folder(str(tmp_path / "job")), 1).equals(schema, check_metadata=True)


@FIXTURE_IS_REUSED
@given(
    values=st.lists(
        st.fixed_dictionaries(
            {
                "id": st.integers(-(2**63), 2**63 - 1),
                "text": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
                "score": st.none() | st.floats(allow_nan=False, allow_infinity=False),
                "tags": st.lists(st.booleans()) | st.none(),
                "about": st.none()
                | st.fixed_dictionaries({"name": st.sampled_from("äöü"), "sizes": st.lists(st.floats(-1, 1))}),
            }
        ),
        min_size=1,
        max_size=10,
    )
)
def test_jsonl_through_parts_and_back_is_the_same(tmp_path: Path, values: list[dict[str, Any]]) -> None:
    """What went into the job folder as JSONL comes out as the same values."""
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(value) + "\n" for value in values))
    keep(FileSource(path=str(tmp_path / "in.jsonl")), tmp_path / "job", 4, batch_rows=3)
    folder = Folder(str(tmp_path / "job"))
    batches = (batch for number in range(-(-len(values) // 4)) for batch in read_rows(folder, number))
    write_table(str(tmp_path / "out.jsonl"), read_schema(folder), batches)
    lines = (tmp_path / "out.jsonl").read_bytes().removesuffix(b"\n").split(b"\n")
    assert [json.loads(line) for line in lines] == values
