"""A table that has more columns than its source is read by pandas, whatever the source says to pandas."""

import io
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from prefect_openai_batch.batch.tables.metadata.pandas_metadata import widened

from .pandas_kinds import KINDS

ADDED = pa.field("custom_id", pa.string())
PAIR = np.array([[1, 2], [3, 4]])


def parquet(frame: pd.DataFrame) -> pa.Table:
    """A frame as pandas writes and Arrow reads it."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of labels that are no text
        frame.to_parquet(file)
    return pq.read_table(file)


def read_back(table: pa.Table) -> pd.DataFrame:
    """The table with one more column, as pandas reads it."""
    file = io.BytesIO()
    schema = widened(table.schema, [ADDED])
    pq.write_table(pa.Table.from_arrays([*table.columns, pa.array(["id"] * len(table))], schema=schema), file)
    return pd.read_parquet(file)


LABELS: dict[str, Any] = {
    "integers": [0, 1],
    "floats": [0.5, 1.5],
    "booleans": [True, False],
    "bytes": [b"a", b"b"],
    "mixed": ["a", 1],
    "nothing": [None, "b"],
    "dates": pd.date_range("2024", periods=2),
    "zoned dates": pd.date_range("2024", periods=2, tz="Europe/Berlin"),
    "periods": pd.period_range("2024", periods=2, freq="M"),
    "durations": pd.to_timedelta([1, 2], "s"),
    "categories": pd.CategoricalIndex(["a", "b"]),
    "categories of integers": pd.CategoricalIndex([1, 2]),
    "two levels": pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]),
    "two levels of integers": pd.MultiIndex.from_tuples([(1, 2), (1, 3)]),
    "a range": pd.RangeIndex(2),
    "a name for integers": pd.Index([1, 2], name="lab"),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_labels_that_are_no_text_become_texts(labels: Any) -> None:
    """Beside them the result columns stand by their own names, and the values are the source's."""
    found = read_back(parquet(pd.DataFrame(PAIR, columns=labels)))
    assert (len(found.columns), found.columns[-1]) == (3, "custom_id")
    assert found.iloc[:, :2].to_numpy().tolist() == PAIR.tolist()


INDEXES: dict[str, pd.Index] = {
    "texts": pd.Index(["x", "y"], name="key"),
    "twice the same": pd.Index([1, 1]),
    "a range": pd.RangeIndex(5, 9, 2, name="steps"),
    "levels": pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["n", None]),
    "dates": pd.DatetimeIndex(["2024-01-01", "2024-05-05"], tz="Europe/Berlin"),
    "categories": pd.CategoricalIndex(["a", "b"]),
    "like a column": pd.Index(["x", "y"], name="custom_id"),
    "periods": pd.PeriodIndex(["2024-01", "2024-02"], freq="M"),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_the_index_comes_back(index: pd.Index) -> None:
    """With its name and type, and with the name of the columns."""
    frame = pd.DataFrame({"a": [1, 2]}, index=index).rename_axis(columns="lab")
    table = parquet(frame)
    found = read_back(table if "custom_id" not in table.column_names else table.rename_columns(["a", "key"]))
    if "custom_id" not in table.column_names:
        pd.testing.assert_frame_equal(found[["a"]], frame, check_freq=False)


READABLE = {name: values for name, values in KINDS.items() if "no known zone" not in name}
"""What pandas can read by any means."""


@pytest.mark.parametrize("values", READABLE.values(), ids=READABLE)
def test_pandas_reads_columns_of_every_kind(values: pd.Series) -> None:
    """Those that it cannot read as it wrote them too: lists and decimals of Arrow's types."""
    table = pa.Table.from_pandas(pd.DataFrame({"c": values}))
    found = read_back(table)
    assert found["custom_id"].tolist() == ["id", "id"]
    assert found["c"].isna().tolist() == values.isna().tolist()


def test_integers_among_objects_stay_what_they_are() -> None:
    """A null beside them makes no floats of them, which would be other ids."""
    ids = [9007199254740993, None, 1582218195625938945]
    found = read_back(parquet(pd.DataFrame({"id": pd.Series(ids, dtype=object)})))
    assert [None if value is pd.NA else value for value in found["id"]] == ids


@pytest.mark.parametrize("told", [b"no JSON", b"{}", b'{"columns": 1}', b'{"index_columns": ["gone"]}', b"[]"])
def test_what_makes_no_sense_is_left_out(told: bytes) -> None:
    """Whoever wrote it."""
    table = pa.table({"a": [1, 2]}).replace_schema_metadata({b"pandas": told})
    assert read_back(table)["a"].tolist() == [1, 2]


def test_what_others_say_of_all_columns_is_left_out() -> None:
    """Spark would read no more columns than it wrote; other notes stay."""
    spark = b"org.apache.spark.sql.parquet.row.metadata"
    schema = pa.schema([("a", pa.int64())], {spark: b'{"fields":[]}', b"geo": b"{}"})
    assert widened(schema, [ADDED]).metadata == {b"geo": b"{}"}
    assert widened(schema.remove_metadata(), [ADDED]).metadata is None
