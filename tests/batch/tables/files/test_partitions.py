"""What the folders of a file say is a column of all its rows."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch.batch.tables.sources import FileSource, check_source, open_source

from ..reading import refusal, rows_of, table_of


def lake(folder: Path, *files: str, columns: dict[str, Any] | None = None) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns or {"id": [1]}), folder / name)
    return folder


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        (["7", "-8", "0"], pa.int64(), [-8, 0, 7]),
        (["07", "8"], pa.string(), ["07", "8"]),
        (["2026-11-24", "2024-02-29"], pa.date32(), [date(2024, 2, 29), date(2026, 11, 24)]),
        (["2026-11-24", "2026-02-30"], pa.string(), ["2026-02-30", "2026-11-24"]),
        (["9223372036854775808"], pa.string(), ["9223372036854775808"]),
        (["DE", "1"], pa.string(), ["1", "DE"]),
        (["New%20York", "a%3Db%2Fc"], pa.string(), ["New York", "a=b/c"]),
        (["1", "__HIVE_DEFAULT_PARTITION__"], pa.int64(), [1, None]),
        (["__HIVE_DEFAULT_PARTITION__"], pa.string(), [None]),
    ],
    ids=["integers", "a zero before", "dates", "no date", "too large", "words", "encoded", "null", "only null"],
)
def test_a_partition_is_a_column(tmp_path: Path, values: list[str], kind: pa.DataType, found: list[Any]) -> None:
    """Of integers or dates where all are written as such, else of text."""
    table = table_of(lake(tmp_path, *(f"key={value}/a.parquet" for value in values)))
    assert table.schema.field("key").type == kind
    assert table["key"].to_pylist() == found


def test_partitions_stand_behind_the_files_own_columns(tmp_path: Path) -> None:
    """From the outermost in, also those that the path itself names; one file alone is what it is."""
    lake(tmp_path, "day=2026-11-24/country=DE/a.parquet", "day=2026-11-24/country=FR/a.parquet")
    day = tmp_path / "day=2026-11-24"
    for path in (tmp_path, day, day / "*/*.parquet", day / "country=DE", day / "country=DE/*.parquet"):
        found = rows_of(path)
        assert found[0] == {"id": 1, "day": date(2026, 11, 24), "country": "DE"}
        assert check_source(FileSource(path=str(path))) == ("id", "day", "country")
    assert rows_of(day / "country=DE/a.parquet") == [{"id": 1}]
    assert open_source(FileSource(path=str(day)), partitions=False).schema.names == ["id"]


def test_a_type_can_be_given_for_a_partition(tmp_path: Path) -> None:
    """Of Parquet too, whose own columns bring theirs."""
    lake(tmp_path, "n=07/a.parquet", "n=8/a.parquet")
    assert [row["n"] for row in rows_of(tmp_path, types={"n": "integer"})] == [7, 8]
    assert [row["n"] for row in rows_of(tmp_path / "n=8", types={"n": "text"})] == ["8"]
    said = str(refusal(lake(tmp_path, "n=x/a.parquet"), types={"n": "integer"}))
    assert "n=x/a.parquet, column 'n': the partition's 'x' cannot be read as int64" in said
    assert "brings its own types" in str(refusal(tmp_path, types={"id": "text"}))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (["DE", "DE"], ""),
        (pa.array(["DE", "DE"]).dictionary_encode(), ""),
        (["DE", "FR"], "row 2, column 'key': is not what its folder says, key=DE"),
        (["DE", None], "row 2, column 'key'"),
        ([1, 2], "row 1, column 'key'"),
    ],
    ids=["agrees", "of categories", "another", "null", "no text"],
)
def test_a_column_of_a_partitions_name_must_agree(tmp_path: Path, column: Any, said: str) -> None:
    """It is there once, as the file has it; a row that says something else is named."""
    path = lake(tmp_path, "key=DE/a.parquet", columns={"key": column, "id": [1, 2]})
    if said:
        assert f"key=DE/a.parquet, {said}" in str(refusal(path))
    else:
        assert rows_of(path) == [{"key": "DE", "id": 1}, {"key": "DE", "id": 2}]


def test_a_number_agrees_however_it_is_written(tmp_path: Path) -> None:
    """A month is 7 in a file and 07 in its folder's name."""
    path = lake(tmp_path, "month=07/a.parquet", columns={"month": [7, 7]})
    assert rows_of(path) == [{"month": 7}, {"month": 7}]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("a=1/x.parquet", "b=1/x.parquet"), "b=1/x.parquet, column 'a': lacks the partition, unlike"),
        (("a=1/x.parquet", "a=1/b=1/x.parquet"), "a=1/x.parquet, column 'b': lacks the partition, unlike"),
        (("a=1/b=1/x.parquet", "b=1/a=1/x.parquet"), "has its partitions in another order than"),
        (("a=1/a=2/x.parquet",), "column 'a': the partition stands twice in its path"),
    ],
    ids=["another", "one more", "another order", "twice"],
)
def test_all_files_have_the_same_partitions(tmp_path: Path, files: tuple[str, ...], said: str) -> None:
    """Else a row would lack what others have."""
    assert said in str(refusal(lake(tmp_path, *files)))
