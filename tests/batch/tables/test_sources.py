"""Tables of any format: what is read, what is refused, and how they are told apart."""

import bz2
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.tables.sources import FileSource, check_source, digest, open_source
from pydantic import ValidationError

from .reading import refusal, rows_of, table_of, written


@pytest.mark.parametrize("name", ["gone.csv", "gone.jsonl", "gone.parquet", "gone/gone.csv"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    """The error names the path."""
    assert "no such file" in str(refusal(tmp_path / name))


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """It is no table of no rows, whatever it is called."""
    (tmp_path / "folder.csv").mkdir()
    assert "the folder holds no files" in str(refusal(tmp_path / "folder.csv"))


def test_a_url_that_cannot_be_read_here_is_refused() -> None:
    """An unknown protocol is the source's fault, not a crash."""
    with pytest.raises(SourceError, match="nowhere://"):
        check_source(FileSource(path="nowhere://bucket/reviews.csv"))


def test_an_unknown_suffix_is_refused_unless_the_format_is_given(tmp_path: Path) -> None:
    """The name tells the format, or a person does."""
    path = written(tmp_path, "reviews.txt", "id\n1\n")
    assert ".jsonl" in str(refusal(path))
    assert rows_of(path, format="csv") == [{"id": "1"}]


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.tsv", "a.csv.gz", "a.jsonl", "a.ndjson", "a.jsonl.bz2"])
def test_the_name_tells_format_and_compression(tmp_path: Path, name: str) -> None:
    """Suffixes in either case, compressed or not."""
    content = b'{"a": "x"}\n' if "json" in name else b"a\nx\n"
    packed = {".gz": gzip.compress(content), ".bz2": bz2.compress(content)}.get(Path(name).suffix, content)
    assert rows_of(written(tmp_path, name, packed)) == [{"a": "x"}]


@pytest.mark.parametrize("name", ["broken.csv.gz", "broken.jsonl.gz"])
@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"a" * 100)[:-12]], ids=["foreign", "cut"])
def test_broken_compression_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """A cut or foreign .gz file is named, not a traceback."""
    assert "cannot be read" in str(refusal(written(tmp_path, name, content)))


@pytest.mark.parametrize(
    ("name", "content", "columns"),
    [("a.csv", "id,review\n", ["id", "review"]), ("a.jsonl", "\n \n", []), ("a.jsonl", "", [])],
    ids=["header alone", "blank lines", "no line"],
)
def test_a_table_of_no_rows_is_a_table(tmp_path: Path, name: str, content: str, columns: list[str]) -> None:
    """A quiet day is no error; JSONL of no lines has no columns either."""
    table = table_of(written(tmp_path, name, content))
    assert (table.num_rows, table.column_names) == (0, columns)


def test_a_parquet_table_of_no_rows_is_a_table(tmp_path: Path) -> None:
    """Its types stay."""
    table = pa.table({"a": pa.array([], pa.string())})
    pq.write_table(table, tmp_path / "a.parquet")
    assert table_of(tmp_path / "a.parquet").equals(table)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "", "has no header; its first line must name the columns"),
        ("a.csv", "\n\n", "has no header"),
        ("a.parquet", "", "not a readable Parquet file"),
        ("a.jsonl", "{}\n{}\n", "none of its rows has a column"),
    ],
    ids=["no header", "blank lines", "no footer", "no column"],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    """Nothing at all is no table of no rows."""
    assert said in str(refusal(written(tmp_path, name, content)))


ROWS = {
    "csv": "a\n1\n2\n3\n4\n5,6\n",
    "jsonl": "".join(f'{{"a": {number}}}\n' for number in range(1, 5)) + '{"a": "x"}\nno JSON',
}


@pytest.mark.parametrize("limit", [1, 3, 4])
@pytest.mark.parametrize("rows", [2, 5_000])
@pytest.mark.parametrize("kind", ROWS)
def test_a_limit_reads_the_first_rows_alone(tmp_path: Path, kind: str, rows: int, limit: int) -> None:
    """What comes after them is not looked at, not even to know a column's type."""
    path = written(tmp_path, f"a.{kind}", ROWS[kind])
    found = table_of(path, rows, limit=limit)["a"].to_pylist()
    assert [int(value) for value in found] == [*range(1, limit + 1)]
    assert refusal(path)


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_a_limit_of_parquet(tmp_path: Path, limit: int) -> None:
    """Across row groups; one that is larger than the table is none."""
    pq.write_table(pa.table({"a": range(10)}), tmp_path / "a.parquet", row_group_size=3)
    assert table_of(tmp_path / "a.parquet", limit=limit)["a"].to_pylist() == [*range(10)][:limit]


def test_a_limited_source_is_another_source(tmp_path: Path) -> None:
    """Its digest differs, and that of a whole one is what it was before there were limits."""
    path = str(written(tmp_path, "a.csv", "a\n1\n"))
    assert len({digest(FileSource(path=path, limit=limit)) for limit in (None, 1, 2)}) == 3
    assert digest(FileSource(path=path)).startswith("9b0aa8aedf24")


@pytest.mark.parametrize("name", ["a.xlsb", "a.XLS", "a.ods"])
def test_a_spreadsheet_is_told_how_it_is_read(tmp_path: Path, name: str) -> None:
    """By what it was made with, or by pandas; .xlsx is read."""
    said = str(refusal(written(tmp_path, name, b"PK")))
    assert "is a spreadsheet" in said
    assert "save it as .xlsx" in said
    assert "to_parquet('a.parquet')" in said


@pytest.mark.parametrize(
    ("name", "content"), [("a.csv", "a\n1\n2\n3\n"), ("a.jsonl", '{"a": 1}\n' * 3)], ids=["csv", "jsonl"]
)
def test_a_reader_begins_anew_each_time(tmp_path: Path, name: str, content: str) -> None:
    """Two passes over one reader give the same batches, of at most the rows asked for."""
    reader = open_source(FileSource(path=str(written(tmp_path, name, content))), rows=2)
    assert [batch.num_rows for batch in reader] == [2, 1]
    assert [batch.to_pylist() for batch in reader] == [batch.to_pylist() for batch in reader]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_wide_rows_make_short_batches(tmp_path: Path, name: str) -> None:
    """A batch is bounded by bytes too: 40 rows of 2 MB are not one batch."""
    text = "x" * 2_000_000
    line, head = (text, "a\n") if name == "a.csv" else (json.dumps({"a": text}), "")
    reader = open_source(FileSource(path=str(written(tmp_path, name, head + f"{line}\n" * 40))))
    sizes = [batch.nbytes for batch in reader]
    assert len(sizes) >= 2
    assert max(sizes) <= 36_000_000


def test_check_source_reads_the_header_only(tmp_path: Path) -> None:
    """Columns are known early for CSV and Parquet; JSONL needs a full pass."""
    broken_below = written(tmp_path, "a.csv", "id,review\n1,a,b\n")
    assert check_source(FileSource(path=str(broken_below))) == ("id", "review")
    pq.write_table(pa.table({"x": [1], "y": [2]}), tmp_path / "a.parquet")
    assert check_source(FileSource(path=str(tmp_path / "a.parquet"))) == ("x", "y")
    mixed_below = written(tmp_path, "a.jsonl", '{"a": 1}\n{"a": "x"}\n')
    assert check_source(FileSource(path=str(mixed_below))) is None


def test_check_source_looks_at_the_first_line_of_jsonl(tmp_path: Path) -> None:
    """What is plainly no JSONL is refused before anything else."""
    with pytest.raises(SourceError, match="line 2"):
        check_source(FileSource(path=str(written(tmp_path, "a.jsonl", "\n[1, 2]\n"))))


def test_every_field_explains_itself_in_the_form() -> None:
    """Prefect's form shows a title, a description and an example for each field."""
    for field in FileSource.model_json_schema()["properties"].values():
        assert field["title"]
        assert field["description"]
        assert field["examples"]


def test_a_source_is_frozen_and_knows_its_fields() -> None:
    """A misspelt field is refused, and a source never changes."""
    with pytest.raises(ValidationError):
        FileSource(path="a.csv", seperator=";")  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        FileSource(path="a.csv").path = "b.csv"  # type: ignore[misc]


def test_the_digest_tells_content_and_options_but_not_the_name(tmp_path: Path) -> None:
    """The same rows read the same way are the same source, wherever they lie."""
    first, second = written(tmp_path, "a.csv", "a;b\n1;2\n"), written(tmp_path, "b.csv", "a;b\n1;2\n")
    other = written(tmp_path, "c.csv", "a;b\n1;3\n")

    def of(path: Path, **options: Any) -> str:
        return digest(FileSource(path=str(path), **options))

    assert of(first) == of(second) == of(first, format="csv", separator=",")
    different = {of(first), of(other), of(first, separator=";"), of(first, types={"a;b": "integer"})}
    assert len(different) == 4
    assert of(first, types={"x": "text", "y": "date"}) == of(first, types={"y": "date", "x": "text"})


def test_the_digest_is_of_the_whole_file(tmp_path: Path) -> None:
    """A change in the last of many megabytes makes another digest."""
    lines = "x" * 99 + "\n"
    path = written(tmp_path, "a.csv", lines * 30_000)
    before = digest(FileSource(path=str(path)))
    written(tmp_path, "a.csv", lines * 29_999 + "y" * 99 + "\n")
    assert digest(FileSource(path=str(path))) != before
