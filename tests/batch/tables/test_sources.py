import bz2
import csv
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.tables.sources import FileSource, check_source, digest, open_source
from pydantic import ValidationError

FIXTURE_IS_REUSED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def table_of(path: Path, rows: int = 5_000, **options: Any) -> pa.Table:
    reader = open_source(FileSource(path=str(path), **options), rows)
    return pa.Table.from_batches(list(reader), reader.schema)


def rows_of(path: Path, **options: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table_of(path, **options).to_pylist()
    return rows


def refusal(path: Path, **options: Any) -> SourceError:
    with pytest.raises(SourceError) as refused:
        rows_of(path, **options)
    assert str(path) in str(refused.value)
    return refused.value


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- any file ---


@pytest.mark.parametrize("name", ["gone.csv", "gone.jsonl", "gone.parquet", "gone/gone.csv"])
def test_a_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    """The error names the path."""
    assert "no such file" in str(refusal(tmp_path / name))


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A folder is no table, whatever it is called."""
    (tmp_path / "folder.csv").mkdir()
    assert "directory" in str(refusal(tmp_path / "folder.csv"))


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
    ("name", "content"),
    [("a.csv", "id,review\n"), ("a.csv", ""), ("a.jsonl", "\n \n")],
    ids=["header alone", "no line", "blank lines"],
)
def test_an_empty_table_is_refused(tmp_path: Path, name: str, content: str) -> None:
    """A header without rows is no work to do."""
    assert refusal(written(tmp_path, name, content))


def test_an_empty_parquet_table_is_refused(tmp_path: Path) -> None:
    """A schema without rows is no work to do."""
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert "no rows" in str(refusal(tmp_path / "a.parquet"))


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


# --- CSV ---

CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


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
        (b"a\n1\n2\0\n", 1, r"row 2 \(line 3\).*NUL"),
    ],
    ids=["short", "long", "after a break", "open quote", "after a quote", "latin-1", "surrogate", "NUL"],
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
        (b"\xe9\n1\n", "line 1: is not UTF-8"),
    ],
    ids=["twice", "no names", "utf-16", "latin-1"],
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


def test_a_type_for_an_unknown_column_is_refused(tmp_path: Path) -> None:
    """A misspelt column is said before any row is read."""
    path = written(tmp_path, "a.csv", "stars\n1\n")
    with pytest.raises(SourceError, match="column 'star'.*columns are stars"):
        check_source(FileSource(path=str(path), types={"star": "integer"}))


# --- JSONL ---

JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


def jsonl(*rows: Mapping[str, Any] | str) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def test_jsonl_types_are_fixed_by_the_whole_file(tmp_path: Path) -> None:
    """Columns stand as first seen; a late value widens its column in every batch."""
    rows: list[dict[str, Any]] = [
        {"b": 1, "a": None, "o": {"x": 1}},
        {"b": 2, "l": []},
        {"b": 2.5, "a": "x", "l": [1, None]},
        {"t": True, "o": {"y": [0.5]}},
    ]
    table = table_of(written(tmp_path, "a.jsonl", jsonl(*rows)), rows=1)
    assert table.schema == pa.schema(
        [
            ("b", pa.float64()),
            ("a", pa.string()),
            ("o", pa.struct([("x", pa.int64()), ("y", pa.list_(pa.float64()))])),
            ("l", pa.list_(pa.int64())),
            ("t", pa.bool_()),
        ]
    )
    assert table["o"].to_pylist() == [{"x": 1, "y": None}, None, None, {"x": None, "y": [0.5]}]


@FIXTURE_IS_REUSED
@given(
    values=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "text": JSON_TEXT,
                "count": st.integers(-(2**63), 2**63 - 1),
                "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
                "yes": st.booleans() | st.none(),
                "list": st.lists(JSON_TEXT | st.none()),
                "object": st.fixed_dictionaries({"name": JSON_TEXT, "sizes": st.lists(st.integers(0, 9))}),
            },
        ),
        min_size=1,
        max_size=12,
    ),
    rows=st.integers(1, 5),
)
def test_jsonl_values_are_kept(tmp_path: Path, values: list[dict[str, Any]], rows: int) -> None:
    """Every value comes back equal, and what a row does not have is null, however it is cut into batches."""
    assume(any(values))
    path = written(tmp_path, "a.jsonl", jsonl(*values))
    names = dict.fromkeys(name for row in values for name in row)
    assert table_of(path, rows).to_pylist() == [{name: row.get(name) for name in names} for row in values]


def test_jsonl_lines_end_at_newlines_only(tmp_path: Path) -> None:
    """Other separators of Unicode may stand in a text; a BOM and blank lines are no rows."""
    text = "a\u2028b\u0085c\x0cd"
    line = json.dumps({"t": text}, ensure_ascii=False).encode()
    path = written(tmp_path, "a.jsonl", b"\xef\xbb\xbf" + line + b"\r\n\n  \n" + line)
    assert [row["t"] for row in rows_of(path)] == [text, text]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1', "not valid JSON"),
        ('{"a": NaN}', "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('"text"', "not a JSON object"),
    ],
    ids=["cut", "NaN", "list", "text"],
)
def test_a_broken_jsonl_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    """Blank lines count as lines, not as rows."""
    error = refusal(written(tmp_path, "a.jsonl", jsonl({"a": 1}, "", line)))
    assert error.details["row"] == 1
    assert "row 2 (line 3)" in str(error)
    assert said in str(error)


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (1, "x", "holds text at a, where integer"),
        ("x", {"k": 1}, "holds object at a, where text"),
        (True, 1, "holds integer at a, where boolean"),
        ([1], ["x"], "holds text at a[], where integer"),
        ({"k": {"j": 1.5}}, {"k": {"j": "x"}}, "holds text at a.k.j, where number"),
        ([1], {"k": 1}, "holds object at a, where list"),
    ],
    ids=["text", "object", "boolean", "in a list", "in an object", "object for a list"],
)
def test_values_without_a_common_type_are_refused(
    tmp_path: Path, first: Any, second: Any, said: str, rows: int
) -> None:
    """Row, column, both types and the way out stand in the message, in one batch or across batches."""
    path = written(tmp_path, "a.jsonl", jsonl({"a": first}, {}, {"a": None}, {"a": second}))
    error = refusal(path, rows=rows)
    assert error.details == {"path": str(path), "row": 3, "column": "a"}
    assert "row 4, column 'a'" in str(error)
    assert said in str(error)
    assert '{"a": "text"}' in str(error)


def test_a_list_of_mixed_values_is_refused(tmp_path: Path) -> None:
    """Both types stand in one row."""
    assert "row 1, column 'a'" in str(refusal(written(tmp_path, "a.jsonl", jsonl({"a": [1, "x"]}))))


def test_an_empty_object_is_refused_where_no_other_row_fills_it(tmp_path: Path) -> None:
    """Parquet cannot hold an object without keys."""
    empty = jsonl({"a": {"k": None}}, {"a": {"k": [{}]}}, {"a": {"k": [{}]}})
    error = refusal(written(tmp_path, "a.jsonl", empty), rows=1)
    assert error.details["row"] == 1
    assert "empty object" in str(error)
    filled = written(tmp_path, "b.jsonl", jsonl({"a": {}}, {"a": {"k": 1}}))
    assert rows_of(filled) == [{"a": {"k": None}}, {"a": {"k": 1}}]


@pytest.mark.parametrize(
    "value",
    [2**63, -(2**63) - 1, 2**64, -(10**30), [0.5, 2**70], 2**53 + 1],
    ids=["2^63", "-2^63-1", "2^64", "-10^30", "2^70 in a list", "2^53+1"],
)
def test_a_number_that_would_lose_digits_is_refused(tmp_path: Path, value: Any) -> None:
    """An id of twenty digits is never rounded in silence."""
    other: Any = [1.5] if isinstance(value, list) else 1.5 if value == 2**53 + 1 else None
    error = refusal(written(tmp_path, "a.jsonl", jsonl({"a": other}, {"b": 1.5}, {"a": value})))
    assert (error.details["row"], error.details["column"]) == (2, "a")
    assert "quotes" in str(error)


def test_long_digits_that_are_no_integers_are_kept(tmp_path: Path) -> None:
    """Digits in a text or in a float are no reason to refuse."""
    row = {"id": "9" * 30, "x": 1e300, "y": 0.1234567890123456789}
    assert rows_of(written(tmp_path, "a.jsonl", jsonl(row))) == [row]


def test_a_jsonl_column_can_be_kept_as_json_text(tmp_path: Path) -> None:
    """Texts stay, anything else becomes its JSON text, so that nothing is refused or reshaped."""
    values = ["x", {"k": {}, "l": [1, "y"]}, None, 1]
    path = written(tmp_path, "a.jsonl", jsonl(*({"a": value} for value in values)))
    found = [row["a"] for row in rows_of(path, types={"a": "text"})]
    assert found == ["x", '{"k":{},"l":[1,"y"]}', None, "1"]


@pytest.mark.parametrize(
    "options",
    [{"types": {"a": "integer"}}, {"types": {"b": "text"}}, {"separator": ";"}],
    ids=["type", "absent column", "separator"],
)
def test_options_that_jsonl_does_not_know_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    """An option that would have no effect is a mistake."""
    assert refusal(written(tmp_path, "a.jsonl", jsonl({"a": 1})), **options)


def test_a_jsonl_file_that_changes_meanwhile_is_refused(tmp_path: Path) -> None:
    """Columns that the first pass did not see are not dropped in silence."""
    path = written(tmp_path, "a.jsonl", jsonl({"a": 1}))
    reader = open_source(FileSource(path=str(path)))
    written(tmp_path, "a.jsonl", jsonl({"a": 1, "b": 2}))
    with pytest.raises(SourceError, match="changed"):
        list(reader)


# --- Parquet ---


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
