"""What drivers give of databases that tell no types, and how it is held to a column's type."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.tables.sql.reflected_columns import type_of_values
from prefect_openai_batch.batch.tables.sql.sql_values import Misfit, sql_column

AT = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kind", "kept"),
    [
        pytest.param([1, None, 2], pa.int64(), [1, None, 2], id="integers"),
        pytest.param([1, 0.5], pa.float64(), [1.0, 0.5], id="numbers"),
        pytest.param([1, "a"], pa.string(), ["1", "a"], id="mixed"),
        pytest.param([None], pa.string(), [None], id="nothing"),
        pytest.param([Decimal("1.50")], pa.string(), ["1.50"], id="decimals"),
        pytest.param([memoryview(b"a")], pa.binary(), [b"a"], id="bytes"),
        pytest.param([{"a": [1]}], pa.string(), ['{"a":[1]}'], id="objects"),
        pytest.param([AT], pa.timestamp("us", "UTC"), [AT], id="moments with a zone"),
        pytest.param(
            [AT.replace(tzinfo=None)], pa.timestamp("us"), [AT.replace(tzinfo=None)], id="moments without"
        ),
    ],
)
def test_first_values_tell_a_type(values: list[Any], kind: pa.DataType, kept: list[Any]) -> None:
    assert type_of_values(values) == kind
    assert sql_column(values, kind).to_pylist() == kept


def fitting(values: list[Any], kind: pa.DataType) -> int:
    """How many values there are before the first that does not fit."""
    try:
        return len(sql_column(values, kind))
    except Misfit as misfit:
        return misfit.place


@given(
    st.lists(
        st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.booleans(), st.text(), st.binary())
    )
)
def test_a_column_holds_what_it_was_given_or_names_the_first_that_does_not_fit(values: list[Any]) -> None:
    """Whatever a loose database gives: nothing is cut, rounded or taken for something else."""
    for kind in (pa.int64(), pa.float64(), pa.bool_(), pa.binary()):
        count = fitting(values, kind)
        assert sql_column(values[:count], kind).to_pylist() == values[:count]
        assert count == len(values) or fitting(values[count : count + 1], kind) == 0
