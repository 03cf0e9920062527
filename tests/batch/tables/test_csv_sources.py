"""CSV: text exactly as written, and types only where asked."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.tables.destinations import write_table
from prefect_openai_batch.batch.tables.sources import FileSource, check_source

from .reading import FIXTURE_IS_REUSED, refusal, rows_of, table_of, written

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@FIXTURE_IS_REUSED
@given(
    data=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=20)
    ),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    rows=st.integers(1, 7),
)
def test_csv_cells_are_text_exactly_as_written(
    tmp_path: Path, data: list[list[str]], quoting: Any, rows: int
) -> None:
    """Whatever Python's csv module writes comes back, cell by cell, however it is cut into batches."""
    names = [f"column {place}" for place in range(len(data[0]))]
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=quoting).writerows([names, *data])
    table = table_of(path, rows)
    assert set(table.schema.types) == {pa.string()}
    assert [list(row.values()) for row in table.to_pylist()] == data


def test_our_own_csv_is_read_whatever_its_answers_hold(tmp_path: Path) -> None:
    """A NUL too: models have written some."""
    table = pa.table({"a": ["x\0y", "\0", 'a "quoted"\0 line\nbreak']})
    write_table(str(tmp_path / "a.csv"), table.schema, table.to_batches())
    assert rows_of(tmp_path / "a.csv") == table.to_pylist()


@pytest.mark.parametrize("kind", [pa.string(), pa.int64(), pa.list_(pa.int64())], ids=str)
def test_empty_values_of_one_column_are_rows(tmp_path: Path, kind: pa.DataType) -> None:
    """They are written in quotes, for a blank line is no row."""
    table = pa.table({"a": pa.array([None, None, None], kind)})
    write_table(str(tmp_path / "a.csv"), table.schema, table.to_batches())
    assert rows_of(tmp_path / "a.csv") == [{"a": ""}] * 3
    assert rows_of(written(tmp_path, "b.csv", 'a\n""\n\nx\n\n')) == [{"a": ""}, {"a": "x"}]


def test_csv_types_are_not_guessed(tmp_path: Path) -> None:
    """Leading zeros, NA and empty fields stay what they are."""
    path = written(tmp_path, "a.csv", "zip,name,note\n01234,NA,\nnull,1e5,' x '\n")
    assert rows_of(path) == [
        {"zip": "01234", "name": "NA", "note": ""},
        {"zip": "null", "name": "1e5", "note": "' x '"},
    ]


def test_csv_with_a_bom_blank_lines_and_any_line_ends(tmp_path: Path) -> None:
    """What Excel and editors leave around the rows is no part of them."""
    path = written(tmp_path, "a.csv", b'\xef\xbb\xbf\r\na,b\r\n\r\n1,"x\ny"\n\n2,z\r3,w')
    assert rows_of(path) == [{"a": "1", "b": "x\ny"}, {"a": "2", "b": "z"}, {"a": "3", "b": "w"}]


def test_csv_by_other_separators(tmp_path: Path) -> None:
    """A tab in .tsv, or what is given."""
    assert rows_of(written(tmp_path, "a.tsv", "a\tb\n1,0\t2\n")) == [{"a": "1,0", "b": "2"}]
    assert rows_of(written(tmp_path, "a.csv", "a;b\n1,0;2\n"), separator=";") == [{"a": "1,0", "b": "2"}]


def test_csv_fields_may_be_long(tmp_path: Path) -> None:
    """The csv module's own bound of 131,072 characters is not ours."""
    text = "x" * 300_000
    assert rows_of(written(tmp_path, "a.csv", f"a\n{text}\n")) == [{"a": text}]


@pytest.mark.parametrize(
    ("content", "row", "said"),
    [
        ("a,b\n1,2\n3\n", 1, r"row 2 \(line 3\).*has 1 fields, but the header has 2"),
        ("a,b\n1,2,3\n", 0, r"row 1 \(line 2\).*has 3 fields"),
        ('a,b\n"1\n2",2\n\n3\n', 1, r"row 2 \(line 5\)"),
        ('a\n1\n"2\n3\n', 1, r"row 2 \(line 3\).*never closed"),
        ('a\n"1"2\n', 0, r"row 1 \(line 2\)"),
        (b"a\n1\n\xe9t\xe9\n", 1, r"row 2 \(line 3\).*UTF-8"),
        (b"a\n1\n\xed\xa0\x80\n", 1, r"row 2 \(line 3\).*UTF-8"),
    ],
    ids=["short", "long", "after a break", "open quote", "after a quote", "latin-1", "surrogate"],
)
def test_a_broken_csv_row_is_named(tmp_path: Path, content: str | bytes, row: int, said: str) -> None:
    """The message counts rows and lines from 1, the details rows from 0."""
    error = refusal(written(tmp_path, "a.csv", content))
    assert error.details["row"] == row
    with pytest.raises(SourceError, match=said):
        raise error


def test_a_broken_row_far_down_is_named(tmp_path: Path) -> None:
    """Rows are counted through the whole file, not through a batch."""
    path = written(tmp_path, "a.csv", "a,b\n" + "1,2\n" * 12_000 + "1\n")
    assert "row 12,001 (line 12,002)" in str(refusal(path))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,a\n1,2,3\n", "column 'a': the name stands more than once"),
        (",\n1,2\n", "no header"),
        ("a\n1\n".encode("utf-16"), "line 1: is not UTF-8"),
        ("a\n1\n".encode("utf-16-le"), "line 1: holds a NUL byte"),
        (b"\xe9\n1\n", "line 1: is not UTF-8"),
    ],
    ids=["twice", "no names", "utf-16", "utf-16 without its mark", "latin-1"],
)
def test_a_broken_csv_header_is_refused_early(tmp_path: Path, content: str | bytes, said: str) -> None:
    """Before any row is read."""
    with pytest.raises(SourceError, match=said):
        check_source(FileSource(path=str(written(tmp_path, "a.csv", content))))


TYPED = {"n": "integer", "x": "number", "b": "boolean", "d": "date", "t": "timestamp", "s": "text"}


def test_csv_columns_can_be_given_types(tmp_path: Path) -> None:
    """Values of their types, and null for an empty field; other columns stay text."""
    path = written(
        tmp_path,
        "a.csv",
        "n,x,b,d,t,s,rest\n7,1.5,true,2024-02-29,2024-02-29 12:30:00,007,\n,,,,,,\n"
        "-1,1e3,False,1999-12-31,1999-12-31T00:00,x,y\n",
    )
    table = table_of(path, types=TYPED)
    stamp = pa.timestamp("us")
    assert table.schema.types == [
        pa.int64(), pa.float64(), pa.bool_(), pa.date32(), stamp, pa.string(), pa.string(),
    ]  # fmt: skip
    first, empty, last = table.to_pylist()
    assert [str(value) for value in first.values()] == [
        "7", "1.5", "True", "2024-02-29", "2024-02-29 12:30:00", "007", "",
    ]  # fmt: skip
    assert list(empty.values()) == [None] * 6 + [""]
    assert last["x"] == 1000.0


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "date", "timestamp"])
def test_a_field_that_does_not_fit_its_type_is_named(tmp_path: Path, kind: str) -> None:
    """Row, column, the field and the type wanted stand in the message."""
    path = written(tmp_path, "a.csv", "id,value\n1,\n2,\n3,what\n")
    error = refusal(path, types={"value": kind}, rows=2)
    assert error.details == {"path": str(path), "row": 2, "column": "value"}
    assert f"'what' cannot be read as {kind}" in str(error)
    assert "row 3, column 'value'" in str(error)


def test_the_first_timestamp_tells_whether_there_are_zones(tmp_path: Path) -> None:
    """Instants stay instants, wall clocks wall clocks, and a column never mixes them unseen."""
    types = {"at": "timestamp"}
    zoned = written(tmp_path, "a.csv", "at,x\n,1\n2024-01-02T03:04:05+02:00,2\n2024-01-02T03:04:05Z,3\n")
    table = table_of(zoned, types=types)
    assert table.schema.field("at").type == pa.timestamp("us", "UTC")
    assert table["at"][1].as_py().hour == 1
    mixed = written(tmp_path, "b.csv", "at\n2024-01-02 03:04:05\n2024-01-02T03:04:05Z\n")
    assert "row 2, column 'at'" in str(refusal(mixed, types=types))
    assert "without a time zone" in str(refusal(mixed, types=types))


@pytest.mark.parametrize(
    "fields",
    [["2024-01-02", "2024-01-03 10:00:00"], ["2024-01-03 10:00:00", "2024-01-02"]],
    ids=["a day first", "a time first"],
)
def test_a_day_is_a_timestamp_without_a_zone(tmp_path: Path, fields: list[str]) -> None:
    """Its own end, `-02`, is no offset."""
    table = table_of(written(tmp_path, "a.csv", "\n".join(["at", *fields])), types={"at": "timestamp"})
    assert table["at"].cast(pa.string()).to_pylist() == [f"{f'{field} 00:00:00'[:19]}.000000" for field in fields]


@pytest.mark.parametrize("zone", ["Z", "+02", "-0230", "+02:30"])
def test_a_zone_stands_behind_a_time(tmp_path: Path, zone: str) -> None:
    """In whatever way Arrow reads it, behind minutes alone too."""
    table = table_of(written(tmp_path, "a.csv", f"at\n2024-01-02T10:00{zone}\n"), types={"at": "timestamp"})
    assert table.schema.field("at").type == pa.timestamp("us", "UTC")


def test_a_type_for_an_unknown_column_is_refused(tmp_path: Path) -> None:
    """A misspelt column is said before any row is read."""
    path = written(tmp_path, "a.csv", "stars\n1\n")
    with pytest.raises(SourceError, match="column 'star'.*columns are stars"):
        check_source(FileSource(path=str(path), types={"star": "integer"}))
