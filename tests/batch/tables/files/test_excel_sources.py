"""Excel: a sheet is a table, whose cells tell its types."""

import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from openpyxl import Workbook
from prefect_openai_batch.batch.tables.sources import FileSource, digest

from ..reading import refusal, rows_of, table_of, written


def book(path: Path, rows: list[list[Any]], **others: list[list[Any]]) -> Path:
    """A workbook whose first sheet holds these rows, and others theirs."""
    workbook = Workbook()
    first = workbook.active
    assert first is not None
    for row in rows:
        first.append(row)
    for name, sheet in others.items():
        page = workbook.create_sheet(name)
        for row in sheet:
            page.append(row)
    workbook.save(path)
    return path


KINDS: dict[str, tuple[list[Any], pa.DataType, list[Any]]] = {
    "text": (["a", None, "07"], pa.string(), ["a", None, "07"]),
    "integers": ([1, None, -3], pa.int64(), [1, None, -3]),
    "numbers": ([1, 0.5, None], pa.float64(), [1.0, 0.5, None]),
    "booleans": ([True, None, False], pa.bool_(), [True, None, False]),
    "dates": (
        [date(2026, 11, 24), None, date(1999, 1, 1)],
        pa.date32(),
        [date(2026, 11, 24), None, date(1999, 1, 1)],
    ),
    "times": (
        [datetime(2026, 11, 24, 1, 2, 3), date(2026, 11, 25), None],
        pa.timestamp("us"),
        [datetime(2026, 11, 24, 1, 2, 3), datetime(2026, 11, 25), None],
    ),
    "hours": ([time(1, 2, 3), None, time(23)], pa.time64("us"), [time(1, 2, 3), None, time(23)]),
    "nothing": ([None, None, None], pa.null(), [None, None, None]),
}


@pytest.mark.parametrize("rows", [1, 2, 5_000])
@pytest.mark.parametrize("kind", KINDS)
def test_the_cells_tell_the_types(tmp_path: Path, kind: str, rows: int) -> None:
    """However many rows are read at once."""
    cells, wanted, found = KINDS[kind]
    table = table_of(book(tmp_path / "a.xlsx", [["id", kind], *([n, cell] for n, cell in enumerate(cells))]), rows)
    assert table.schema == pa.schema([("id", pa.int64()), (kind, wanted)])
    assert table[kind].to_pylist() == found


@pytest.mark.parametrize(
    ("cells", "as_text", "said"),
    [
        (["a", 1], ["a", "1"], "row 3 of the sheet holds integers, where text stand as well"),
        ([1, True], ["1", "true"], "row 3 of the sheet holds booleans, where integers stand as well"),
        (
            [date(2026, 1, 1), "soon"],
            ["2026-01-01", "soon"],
            "row 3 of the sheet holds text, where date32[day] stand as well",
        ),
    ],
    ids=["text and integers", "integers and booleans", "dates and text"],
)
def test_a_column_of_mixed_types_is_refused_or_kept_as_text(
    tmp_path: Path, cells: list[Any], as_text: list[str], said: str
) -> None:
    """The row is named as the sheet counts it, and the way out: as text the cells are what CSV would say."""
    path = book(tmp_path / "a.xlsx", [["x"], *([cell] for cell in cells)])
    refused = str(refusal(path))
    assert said in refused
    assert '--type "x=text"' in refused
    assert [row["x"] for row in rows_of(path, types={"x": "text"})] == as_text


def test_empty_rows_are_none_and_columns_without_a_name_are_refused(tmp_path: Path) -> None:
    """Above the header, between the rows and below them; cells at the right that are empty do not count."""
    path = book(
        tmp_path / "a.xlsx", [[], ["x", 2024, None], [None, None], ["a", 1, None], [None, 2], [None], [None]]
    )
    assert rows_of(path) == [{"x": "a", "2024": 1}, {"x": None, "2024": 2}]
    assert "column 2 has no name" in str(refusal(book(tmp_path / "b.xlsx", [["x", None, "y"]])))
    assert "row 2 of the sheet has a cell beyond the 1 column " in str(refusal(book(path, [["x"], ["a", "b"]])))
    assert "column 'x': the name stands more than once" in str(refusal(book(path, [["x", "x"]])))
    assert "the sheet is empty" in str(refusal(book(path, [])))
    assert table_of(book(path, [["x"]])).num_rows == 0


def test_a_merged_cell_is_where_its_corner_is(tmp_path: Path) -> None:
    """What it covers besides is empty, as Excel itself keeps it."""
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in (["x", "y"], ["a", 1], ["b", 2]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    workbook.save(tmp_path / "a.xlsx")
    assert rows_of(tmp_path / "a.xlsx") == [{"x": "a", "y": 1}, {"x": None, "y": 2}]


def test_a_sheet_is_named_or_the_first(tmp_path: Path) -> None:
    """One that is not there is refused with those that are; the sheet is in the digest."""
    path = book(tmp_path / "a.xlsx", [["x"], [1]], Other=[["y"], [2]])
    assert rows_of(path) == [{"x": 1}]
    assert rows_of(path, sheet="Other") == [{"y": 2}]
    assert "has no sheet 'Third', but Sheet, Other" in str(refusal(path, sheet="Third"))
    assert "a sheet is for Excel" in str(refusal(written(tmp_path, "a.csv", "x\n1\n"), sheet="Other"))
    assert digest(FileSource(path=str(path))) != digest(FileSource(path=str(path), sheet="Other"))


def changed(path: Path, old: str, new: str) -> Path:
    """The file with something in its sheet that openpyxl would not write."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    assert old in sheet
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(old, new).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_formula_is_what_it_came_to(tmp_path: Path) -> None:
    """Where Excel has calculated it; else it is refused, and never taken for nothing."""
    path = book(tmp_path / "a.xlsx", [["x", "y"], [1, "=A2+1"]])
    assert "cell B2 holds a formula that was never calculated" in str(refusal(path))
    assert rows_of(changed(path, "<v />", "<v>2</v>")) == [{"x": 1, "y": 2}]


def test_an_error_is_refused_or_kept_as_text(tmp_path: Path) -> None:
    """It is no value, and no null."""
    path = changed(book(tmp_path / "a.xlsx", [["x"], [77]]), "<v>77</v>", "<v>#N/A</v>")
    path = changed(path, '<c r="A2" t="n">', '<c r="A2" t="e">')
    assert "column 'x': row 2 of the sheet holds the error #N/A" in str(refusal(path))
    assert rows_of(path, types={"x": "text"}) == [{"x": "#N/A"}]


@pytest.mark.parametrize("other", [1, 0.5], ids=["integers", "numbers"])
def test_an_integer_that_would_lose_digits_is_refused_or_kept_as_text(tmp_path: Path, other: float) -> None:
    """Excel itself keeps no such number, but other programs write it."""
    path = changed(book(tmp_path / "a.xlsx", [["x"], [other], [77]]), "<v>77</v>", "<v>12345678901234567000</v>")
    refused = str(refusal(path))
    assert "column 'x': row 3 of the sheet holds 12345678901234567000, which is too large" in refused
    assert '--type "x=text"' in refused
    assert rows_of(path, types={"x": "text"}) == [{"x": str(other)}, {"x": "12345678901234567000"}]


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    """What is in it, and in which file."""
    path = changed(book(tmp_path / "a.xlsx", [["x"], [77]]), "<v>77</v>", "<v>7O</v>")
    assert "is not a readable Excel file: invalid literal for int() with base 10: '7O'" in str(refusal(path))


def test_a_sheet_is_as_large_as_its_cells(tmp_path: Path) -> None:
    """Whatever the program that wrote it says of its size."""
    path = book(tmp_path / "a.xlsx", [["x", "y"], [1, 2], [3, 4]])
    assert rows_of(changed(path, 'ref="A1:B3"', 'ref="A1:A1"')) == [{"x": 1, "y": 2}, {"x": 3, "y": 4}]


@pytest.mark.parametrize(
    "content", [b"", b"no zip", b"PK\x05\x06" + 18 * b"\0"], ids=["empty", "text", "empty zip"]
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    """As an encrypted one is."""
    assert "is not a readable Excel file" in str(refusal(written(tmp_path, "a.xlsx", content)))


def test_sheets_of_many_files_are_one_table(tmp_path: Path) -> None:
    """An integer in one and a number in another are numbers, as they would be in one sheet."""
    book(tmp_path / "a.xlsx", [["x", "on"], [1, None]])
    book(tmp_path / "b.xlsx", [["on", "x"], [datetime(2026, 1, 1, 12), 0.5]])
    assert rows_of(tmp_path) == [{"x": 1.0, "on": None}, {"x": 0.5, "on": datetime(2026, 1, 1, 12)}]
