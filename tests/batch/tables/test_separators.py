"""What stands between the fields of a CSV file is seen from its header, and a comma file is never misread."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.tables.sources import FileSource, check_source

from .reading import FIXTURE_IS_REUSED, refusal, table_of, written


@pytest.mark.parametrize(
    "content",
    [
        "text;price\ngood;1,50\nbad;2,00\n",
        "text\tprice\ngood\t1,50\nbad\t2,00\n",
        "text|price\ngood|1,50\nbad|2,00\n",
        '"text";"price"\n"good";"1,50"\n"bad";"2,00"\n',
        '\ufefftext;price\r\n"good";1,50\r\n\r\nbad;2,00\r\n',
    ],
    ids=["semicolons", "tabs", "bars", "quoted", "as Excel writes it"],
)
def test_a_separator_is_seen(tmp_path: Path, content: str) -> None:
    """Commas may stand in the rows, as they do where semicolons are used."""
    path = written(tmp_path, "a.csv", content)
    assert table_of(path).to_pylist() == [{"text": "good", "price": "1,50"}, {"text": "bad", "price": "2,00"}]
    assert check_source(FileSource(path=str(path))) == ("text", "price")


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("a;b,c\n1,2\n", ["a;b", "c"]),
        ("text\ngood; really\n", ["text"]),
        ("pros; cons\ngood; bad\n", ["pros; cons"]),
        ("pros;cons\njust good\n", ["pros;cons"]),
        ("pros;cons\ngood;bad;worse\n", ["pros;cons"]),
        ("text;\ngood;\n", ["text;"]),
        ("a;a\n1;2\n", ["a;a"]),
        ('"a;b"\n"1;2"\n', ["a;b"]),
    ],
    ids=["commas too", "in a row", "prose", "in no row", "too often", "at the end", "one name twice", "quoted"],
)
def test_a_comma_file_is_not_misread(tmp_path: Path, content: str, columns: list[str]) -> None:
    """Of one column too: another separator must make a table of all that is looked at."""
    assert table_of(written(tmp_path, "a.csv", content)).column_names == columns


@FIXTURE_IS_REUSED
@given(
    names=st.lists(st.text("ab;|\t ", min_size=1, max_size=4), min_size=2, max_size=4, unique=True),
    cells=st.text("x;|\t", max_size=6),
)
def test_several_columns_by_comma_are_by_comma(tmp_path: Path, names: list[str], cells: str) -> None:
    """Whatever else stands in names and cells."""
    path = written(tmp_path, "a.csv", ",".join(names) + "\n" + ",".join([cells] * len(names)) + "\n")
    assert table_of(path).column_names == names


def test_a_separator_that_is_given_is_taken(tmp_path: Path) -> None:
    """Nothing is looked for then, nor where the name says it."""
    path = written(tmp_path, "a.csv", "a;b\n1;2\n")
    assert table_of(path, separator=",").column_names == ["a;b"]
    assert table_of(written(tmp_path, "a.tsv", "a;b\n1;2\n")).column_names == ["a;b"]


def test_a_file_of_semicolons_with_a_broken_row_names_it(tmp_path: Path) -> None:
    """A row that comes later than those that are looked at is refused as any other."""
    path = written(tmp_path, "a.csv", "a;b\n" + "1;2\n" * 100 + "1;2;3\n")
    assert "row 101" in str(refusal(path))
