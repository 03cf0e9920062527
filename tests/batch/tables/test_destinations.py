import csv
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import DestinationError
from prefect_openai_batch.batch.jobs.results import FIXED_SIZE_HOLDS_NULLS
from prefect_openai_batch.batch.tables.destinations import check_destination, write_table
from prefect_openai_batch.batch.tables.sources import FileSource, open_source

FIXTURE_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def write(path: Path, table: pa.Table, rows: int = 5_000) -> bytes:
    assert write_table(str(path), table.schema, table.to_batches(max_chunksize=rows)) == table.num_rows
    return path.read_bytes()


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file, strict=True))


def objects(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.removesuffix(b"\n").split(b"\n")]


ANYTHING = pa.table(
    {
        "text": ['a,"b"\n', None, ""],
        "yes": [True, None, False],
        "count": [2**63 - 1, None, -1],
        "number": [0.1, None, 1e22],
        "small": pa.array([0.1, None, 16777216], pa.float32()),
        "half": pa.array([0.1, None, 2], pa.float16()),
        "day": [date(2024, 2, 29), None, date(1, 1, 1)],
        "at": pa.array([datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), None, datetime(1970, 1, 1, tzinfo=UTC)]),
        "clock": [time(3, 4, 5), None, time(0)],
        "took": [timedelta(seconds=90), None, timedelta(0)],
        "price": [Decimal("1.50"), None, Decimal("-0.25")],
        "raw": [b"\xff\x00", None, b""],
        "id": pa.array([UUID(int=1).bytes, None, UUID(int=2).bytes], pa.uuid()),
        "kind": pa.array(["x", None, "y"]).dictionary_encode(),
        "tags": [["a", None], None, []],
        "vector": pa.array([[0.1, 0.2], None, [1, 2]], pa.list_(pa.float32(), 2)),
        "about": [{"on": date(2024, 1, 1), "small": [Decimal("1.0")]}, None, {"on": None, "small": None}],
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "nothing": pa.nulls(3),
    }
)

HELD = ANYTHING if FIXED_SIZE_HOLDS_NULLS else ANYTHING.drop_columns("vector")
"""What of it comes through Parquet with this pyarrow."""

AS_JSON: dict[str, list[Any]] = {
    "text": ['a,"b"\n', None, ""],
    "yes": [True, None, False],
    "count": [2**63 - 1, None, -1],
    "number": [0.1, None, 1e22],
    "small": [0.1, None, 16777216.0],
    "half": [0.1, None, 2.0],
    "day": ["2024-02-29", None, "0001-01-01"],
    "at": ["2024-01-02T03:04:05+00:00", None, "1970-01-01T00:00:00+00:00"],
    "clock": ["03:04:05", None, "00:00:00"],
    "took": ["0:01:30", None, "0:00:00"],
    "price": ["1.50", None, "-0.25"],
    "raw": ["/wA=", None, ""],
    "id": [str(UUID(int=1)), None, str(UUID(int=2))],
    "kind": ["x", None, "y"],
    "tags": [["a", None], None, []],
    "vector": [[0.1, 0.2], None, [1.0, 2.0]],
    "about": [{"on": "2024-01-01", "small": ["1.0"]}, None, {"on": None, "small": None}],
    "map": [{"k": 1}, None, {}],
    "nothing": [None, None, None],
}


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_jsonl_holds_every_kind_of_value(tmp_path: Path, rows: int) -> None:
    """One object a line, nested values nested; slices of a column are read right."""
    found = objects(write(tmp_path / "out.jsonl", ANYTHING, rows))
    assert found == [dict(zip(AS_JSON, row, strict=True)) for row in zip(*AS_JSON.values(), strict=True)]


def test_parquet_columns_are_kept_as_their_first_rows_pay(tmp_path: Path) -> None:
    """Nothing is compressed or looked up in vain, and what says nothing yet is kept as usual."""
    rows = 6_000
    numbers = np.random.default_rng(7)
    table = pa.table(
        {
            "label": [("good", "bad", "none of them")[row % 3] for row in range(rows)],
            "text": [f"Review {row}: it came late, and I like it all the same." for row in range(rows)],
            "random": [numbers.bytes(24) for _ in range(rows)],
            "late": [None] * 5_000 + ["I say it again. " * 20] * 1_000,
            "vector": pa.array(list(numbers.random((rows, 8), np.float32)), pa.list_(pa.float32())),
        }
    )
    kept = write(tmp_path / "out.parquet", table)
    group = pq.read_metadata(tmp_path / "out.parquet").row_group(0)
    columns = {column.path_in_schema: column for column in map(group.column, range(group.num_columns))}
    compressed = {path: column.compression == "SNAPPY" for path, column in columns.items()}
    looked_up = {path: "RLE_DICTIONARY" in column.encodings for path, column in columns.items()}
    vector = "vector.list.element"
    assert compressed == {"label": True, "text": True, "random": False, "late": True, vector: False}
    assert looked_up == {"label": True, "text": False, "random": False, "late": True, vector: False}
    assert [path for path, column in columns.items() if column.is_stats_set] == ["label", "text", "random", "late"]
    pq.write_table(table, tmp_path / "usual.parquet", row_group_size=5_000)
    assert len(kept) < 1.02 * (tmp_path / "usual.parquet").stat().st_size


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("name", list(AS_JSON))
def test_csv_holds_every_kind_of_value(tmp_path: Path, name: str, rows: int) -> None:
    """Plain values as text, true and false in JSON's words, nested ones as JSON text, null as nothing."""
    write(tmp_path / "out.csv", ANYTHING.select([name, "count"]), rows)
    plain = [
        "" if value is None
        else value if isinstance(value, str)
        else json.dumps(value, separators=(",", ":"))
        for value in AS_JSON[name]
    ]  # fmt: skip
    assert [row[0] for row in cells(tmp_path / "out.csv")] == [name, *plain]


def test_parquet_is_the_table_itself(tmp_path: Path) -> None:
    """Every type and value comes back."""
    write(tmp_path / "out.parquet", HELD, 2)
    assert pq.read_table(tmp_path / "out.parquet").equals(HELD)


def test_not_a_number(tmp_path: Path) -> None:
    """JSON has no word for it and takes null; CSV says nan."""
    numbers = [float("nan"), float("inf")]
    table = pa.table({"x": numbers, "l": pa.array([numbers, []], pa.list_(pa.float32()))})
    assert objects(write(tmp_path / "o.jsonl", table)) == [
        {"x": None, "l": [None, None]},
        {"x": None, "l": []},
    ]
    write(tmp_path / "o.csv", table)
    assert [row[0] for row in cells(tmp_path / "o.csv")] == ["x", "nan", "inf"]


@FIXTURE_IS_REUSED
@given(numbers=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_small_floats_are_as_short_as_they_can_be(tmp_path: Path, numbers: list[float]) -> None:
    """What is written gives the same 32 bits back, in the fewest digits, alone and in lists."""
    column = pa.array(numbers, pa.float32())
    (row,) = objects(
        write(
            tmp_path / "out.jsonl",
            pa.table({"x": [numbers]}, schema=pa.schema([("x", pa.list_(pa.float32()))])),
        )
    )
    shortest = [float(str(number)) for number in np.array(numbers, dtype=np.float32)]
    assert row["x"] == shortest
    write(tmp_path / "out.csv", pa.table({"x": column}))
    assert [line[0] for line in cells(tmp_path / "out.csv")[1:]] == [repr(number) for number in shortest]


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@FIXTURE_IS_REUSED
@given(
    data=st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12)
    ),
    names=st.lists(CELLS.filter(bool), min_size=3, max_size=3, unique=True),
    rows=st.integers(1, 5),
    suffix=st.sampled_from(["csv", "tsv", "csv.gz", "jsonl", "jsonl.gz", "parquet"]),
)
def test_texts_come_back_as_they_were_written(
    tmp_path: Path, data: list[list[str]], names: list[str], rows: int, suffix: str
) -> None:
    """Carriage returns, quotes, separators of any kind: what is written is read back, cell by cell."""
    columns = [pa.array(column, pa.string()) for column in zip(*data, strict=True)]
    table = pa.table(columns, names=names[: len(columns)])
    write(tmp_path / f"out.{suffix}", table, rows)
    reader = open_source(FileSource(path=str(tmp_path / f"out.{suffix}")))
    assert pa.Table.from_batches(list(reader), reader.schema).equals(table)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl.gz", "out.parquet"])
def test_the_same_rows_are_the_same_bytes(tmp_path: Path, name: str) -> None:
    """Neither the file's name nor the time stands in it."""
    assert write(tmp_path / name, HELD) == write(tmp_path / f"other-{name}", HELD)


def test_csv_quotes_only_what_needs_it(tmp_path: Path) -> None:
    """Lines end in a newline alone, and plain text stays plain."""
    table = pa.table({"a": ["x", "y,z", 'say "hi"'], "b": [1, None, 2]})
    assert write(tmp_path / "out.csv", table) == b'a,b\nx,1\n"y,z",\n"say ""hi""",2\n'
    assert write(tmp_path / "out.tsv", table).startswith(b"a\tb\nx\t1\ny,z\t\n")


def test_a_carriage_return_is_quoted_and_nothing_else(tmp_path: Path) -> None:
    """Beside it null is an empty field, and a number a number; a row ends as the others do."""
    table = pa.table({"a": ["x", "b\r\nc", "\r", "d\ne"], "b": pa.array([None, None, 1, 2], pa.int64())})
    written = write(tmp_path / "out.csv", table)
    assert written == b'a,b\nx,\n"b\r\nc",\n"\r",1\n"d\ne",2\n'
    assert cells(tmp_path / "out.csv") == [["a", "b"], ["x", ""], ["b\r\nc", ""], ["\r", "1"], ["d\ne", "2"]]


def test_gzip_is_gzip(tmp_path: Path) -> None:
    """Any program unpacks it."""
    assert gzip.decompress(write(tmp_path / "out.jsonl.gz", pa.table({"a": [1]}))) == b'{"a":1}\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [("o.csv", b"a,b\n"), ("o.jsonl", b""), ("o.parquet", None)],
    ids=["csv", "jsonl", "parquet"],
)
def test_a_table_without_rows_keeps_its_header(tmp_path: Path, name: str, content: bytes | None) -> None:
    """No rows is a table too."""
    table = pa.table({"a": pa.array([], pa.string()), "b": pa.array([], pa.int64())})
    found = write(tmp_path / name, table)
    assert pq.read_table(tmp_path / name).equals(table) if content is None else found == content


def test_pandas_gets_its_index_back_from_parquet(tmp_path: Path) -> None:
    """The schema's metadata is written too."""
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    write(tmp_path / "out.parquet", pa.Table.from_pandas(frame))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), frame)


def test_parquet_row_groups_are_as_the_batches_come_but_not_too_large(tmp_path: Path) -> None:
    """About 32 MB at most, so that a reader's memory is bounded as ours is."""
    small = pa.record_batch({"a": [b"x"] * 7_000})
    large = pa.record_batch({"a": [b"x" * 1_000_000] * 80})
    write_table(str(tmp_path / "out.parquet"), small.schema, [small, large])
    metadata = pq.read_metadata(tmp_path / "out.parquet")
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert sizes[0] == 7_000
    assert sum(sizes[1:]) == 80
    assert max(sizes[1:]) <= 34


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.jsonl", "out.parquet"])
def test_what_fails_midway_leaves_the_old_file(tmp_path: Path, name: str) -> None:
    """A destination is there whole, or as it was."""
    (tmp_path / name).write_bytes(b"precious")

    def failing() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        write_table(str(tmp_path / name), pa.schema([("a", pa.int64())]), failing())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: b"precious"}


def test_a_url_of_another_filesystem_is_written_too() -> None:
    """Any fsspec filesystem, and read back from it."""
    table = pa.table({"a": ["1", "2"]})
    write_table("memory://destinations/out.csv", table.schema, table.to_batches())
    with pytest.raises(DestinationError, match="exists already"):
        check_destination("memory://destinations/out.csv")
    reader = open_source(FileSource(path="memory://destinations/out.csv"))
    assert pa.Table.from_batches(list(reader)).equals(table)
