"""JSONL: types fixed by the whole file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.tables.sources import FileSource, open_source

from .reading import FIXTURE_IS_REUSED, refusal, rows_of, table_of, written

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


def test_a_long_integer_kept_as_text_keeps_its_digits(tmp_path: Path) -> None:
    """Alone and within a value, beside a column of numbers; a line without one is written the same way."""
    long = "12345678901234567890123"
    lines = [f'{{"id": {long}, "x": 1.5}}', f'{{"id": {{"ä": [{long}, 1]}}}}', '{"id": {"ä": [1, 0.5]}}']
    path = written(tmp_path, "a.jsonl", jsonl(*lines))
    found = [row["id"] for row in rows_of(path, types={"id": "text"})]
    assert found == [long, f'{{"ä":[{long},1]}}', '{"ä":[1,0.5]}']


@pytest.mark.parametrize("rows", [1, 5_000])
def test_objects_of_ever_new_keys_are_refused_or_kept_as_text(tmp_path: Path, rows: int) -> None:
    """Each row would have the keys of all, null but for its own; as text it has what it had."""
    wide = jsonl(*({"n": 1, "meta": [{f"user_{number}": 1}]} for number in range(1_001)))
    error = refusal(path := written(tmp_path, "a.jsonl", wide), rows=rows)
    assert error.details == {"path": str(path), "column": "meta"}
    assert "1,001 different keys by row 1,001" in str(error)
    assert "at most 1,000" in str(error)
    assert '--type "meta=text"' in str(error)
    assert rows_of(path, types={"meta": "text"})[7]["meta"] == '[{"user_7":1}]'
    assert len(rows_of(path, limit=1_000)) == 1_000


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
