"""A table that is cut into files at any places reads as the same table."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from prefect_openai_batch.batch.tables.destinations import write_table

from ..reading import table_of

TYPES = {"at": "timestamp", "count": "integer"}
CELLS = st.text(st.characters(exclude_categories=["C"]), max_size=8)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "text": CELLS,
            "count": st.none() | st.integers(-(2**40), 2**40),
            "at": st.none() | st.datetimes().map(lambda at: f"{at.isoformat()}Z"),
        }
    ),
    min_size=1,
    max_size=12,
)
SCHEMA = pa.schema([("text", pa.string()), ("count", pa.int64()), ("at", pa.string())])


def ours(path: Path, rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    write_table(str(path), table.schema, table.to_batches())


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Rows without the keys that are null, and numbers that are integers here and there."""
    told = [{name: value for name, value in row.items() if value is not None} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in told))


def feather(path: Path, rows: list[dict[str, Any]]) -> None:
    pyarrow.feather.write_feather(pa.Table.from_pylist(rows, SCHEMA), str(path))


def narrow(path: Path, rows: list[dict[str, Any]]) -> None:
    """Each file with the narrowest integers that hold its own, and null where it has none, as pandas might."""
    table = pa.Table.from_pylist(rows, SCHEMA)
    largest = max((abs(row["count"]) for row in rows if row["count"] is not None), default=None)
    kind = pa.null() if largest is None else pa.int16() if largest < 2**15 else pa.int64()
    column = pa.array([row["count"] for row in rows], kind)
    table = table.set_column(1, pa.field("count", kind), column)
    write_table(str(path), table.schema, table.to_batches())


def sheet(path: Path, rows: list[dict[str, Any]]) -> None:
    book = Workbook()
    page = book.active
    assert page is not None
    page.append([*SCHEMA.names])
    for row in rows:
        page.append(["x" + row["text"].replace("_x", ""), row["count"], row["at"]])
    book.save(path)


KINDS: dict[str, tuple[str, Callable[[Path, list[dict[str, Any]]], None], dict[str, Any]]] = {
    "csv": (".csv", ours, {"types": TYPES}),
    "jsonl": (".jsonl", lines, {}),
    "parquet": (".parquet", ours, {}),
    "narrow integers": (".parquet", narrow, {}),
    "arrow": (".feather", feather, {}),
    "excel": (".xlsx", sheet, {}),
}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(data=st.data(), rows=ROWS, batch=st.integers(1, 5))
def test_a_cut_table_is_the_same_table(
    kind: str, data: st.DataObject, rows: list[dict[str, Any]], batch: int
) -> None:
    """In as many files as there are rows, or fewer, however many rows are read at once, or with a limit."""
    cuts = sorted(data.draw(st.sets(st.integers(1, len(rows)), max_size=4)) | {0, len(rows)})
    suffix, write, options = KINDS[kind]
    batch = 5_000 if kind == "csv" else batch  # whose first rows tell whether times have zones
    limit = data.draw(st.none() | st.integers(1, len(rows)))
    with TemporaryDirectory() as name:
        folder = Path(name) / "many"
        folder.mkdir()
        for number, (start, end) in enumerate(pairwise(cuts)):
            write(folder / f"{number}{suffix}", rows[start:end])
        write(Path(name) / f"one{suffix}", rows)
        one = table_of(Path(name) / f"one{suffix}", batch, limit=limit, **options)
        many = table_of(folder, batch, limit=limit, **options)
    assert sorted(many.schema.names) == sorted(one.schema.names)
    assert many.select(one.schema.names).to_pylist() == one.to_pylist()
    if limit is None:
        assert many.select(one.schema.names).schema.types == one.schema.types or kind == "narrow integers"
