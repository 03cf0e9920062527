"""Equal frames are one job, and others are others."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.flows.frames import table_digest

FRAME = pd.DataFrame(
    {
        "text": ["a", "b", None, "d"],
        "count": pd.array([5, 1, None, 2], dtype="Int64"),
        "share": pd.array([0.5, None, 1, 2], dtype="Float64"),
        "yes": pd.array([True, None, False, True], dtype="boolean"),
        "kind": pd.Categorical(["a", "b", "a", None]),
        "at": pd.to_datetime(["2026-01-01", "NaT", "2026-01-03", "2026-01-04"]),
        "list": [[1], None, [2, 3], []],
        "object": [{"a": 1}, None, {"a": 2}, {"a": None}],
        "arrow": pd.array([1, 2, None, 3], dtype="int64[pyarrow]"),
        "string": pd.array(["x", None, "y", "z"], dtype="string"),
    },
    index=list("wxyz"),
)


def digest(frame: pd.DataFrame) -> str:
    return table_digest(pa.Table.from_pandas(frame))


@given(cuts=st.sets(st.integers(0, 4)))
def test_how_a_frame_was_put_together_makes_no_difference(cuts: set[int]) -> None:
    """Of whichever pieces."""
    bounds = [0, *sorted(cuts), 4]
    pieces = [FRAME[start:end] for start, end in pairwise(bounds) if start < end]
    assert digest(pd.concat(pieces)) == digest(FRAME)


def masked(values: list[Any], mask: list[bool]) -> pd.DataFrame:
    kind = {int: pd.arrays.IntegerArray, float: pd.arrays.FloatingArray, bool: pd.arrays.BooleanArray}
    return pd.DataFrame({"x": kind[type(values[0])](np.array(values), np.array(mask))})


@pytest.mark.parametrize(
    ("one", "other"), [([1, 2], [1, 3]), ([1.0, 2.0], [1.0, 3.0]), ([True, True], [True, False])]
)
def test_what_lies_under_a_null_makes_no_difference(one: list[Any], other: list[Any]) -> None:
    """But where it is no null, it does."""
    assert digest(masked(one, [False, True])) == digest(masked(other, [False, True]))
    assert digest(masked(one, [False, False])) != digest(masked(other, [False, False]))
    assert digest(masked(one, [False, False])) != digest(masked(one, [False, True]))


def nested(hidden: int) -> list[pa.Array]:
    """A null among objects, lists and vectors, with a value under it."""
    values, null = pa.array([1, hidden]), pa.array([False, True])
    return [
        pa.StructArray.from_arrays([values], ["a"], mask=null),
        pa.ListArray.from_arrays(pa.array([0, 1, 2]), values, mask=null),
        pa.FixedSizeListArray.from_arrays(values, 1, mask=null),
    ]


@pytest.mark.parametrize(("one", "other"), [*zip(nested(1), nested(2), strict=True)])
def test_nor_does_it_inside_of_nested_values(one: pa.Array, other: pa.Array) -> None:
    """Whatever Arrow keeps there."""
    assert table_digest(pa.table({"x": one})) == table_digest(pa.table({"x": other}))


@pytest.mark.parametrize(
    "changed",
    [
        FRAME[::-1],
        FRAME[:3],
        FRAME[FRAME.columns[::-1]],
        FRAME.rename(columns={"text": "words"}),
        FRAME.rename(index={"w": "v"}),
        FRAME.reset_index(drop=True),
        FRAME.astype({"kind": "object"}),
        FRAME.assign(kind=FRAME["kind"].cat.add_categories("c")),
        *(FRAME.assign(**{name: [*FRAME[name][:3], FRAME[name].iloc[0]]}) for name in ("text", "list", "object")),
    ],
)
def test_another_frame_is_another_job(changed: pd.DataFrame) -> None:
    """Other values, types, names or order."""
    assert digest(changed) != digest(FRAME)


@pytest.mark.parametrize("kind", [pa.string_view(), pa.binary_view(), pa.list_(pa.string_view())])
def test_arrows_views_are_digested_too(kind: pa.DataType) -> None:
    """Which Arrow cannot take from."""
    one, other = ([["a"], ["b"]], [["a"], ["c"]]) if pa.types.is_list(kind) else (["a", "b"], ["a", "c"])
    assert table_digest(pa.table({"x": pa.array(one, kind)})) == table_digest(pa.table({"x": pa.array(one, kind)}))
    assert table_digest(pa.table({"x": pa.array(one, kind)})) != table_digest(
        pa.table({"x": pa.array(other, kind)})
    )


def test_rows_beyond_those_that_are_hashed_at_once_count_too() -> None:
    """To the last."""
    frame = pd.DataFrame({"x": np.arange(200_000)})
    assert digest(pd.concat([frame[:70_001], frame[70_001:]])) == digest(frame)
    assert digest(frame.replace(199_999, 0)) != digest(frame)
