"""Whether an answer says what a table says, whose CSV is text."""

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.tables.json_values import row_values
from prefect_openai_batch.batch.tables.value_texts import text
from prefect_openai_batch.batch.trials.sameness import is_nothing, says_the_same

SAME = {
    "a word in another case": ("positive", " Positive "),
    "yes": (True, "Yes"),
    "yes as a number": (True, "1"),
    "no of a nullable column": (False, 0.0),
    "a number as text": (4, "4.0"),
    "a number with blanks": (4.5, " 4.50"),
    "a number as an untyped answer": ("4", 4),
    "a date": (date(2026, 1, 2), "2026-01-02"),
    "a date with a time": (date(2026, 1, 2), datetime(2026, 1, 2, 12)),
    "a date as a number": (date(2026, 1, 5), 20260105),
    "a date as a number of a nullable column": (date(2026, 1, 5), 20260105.0),
    "a date as its digits": (date(2026, 1, 5), "20260105"),
    "a moment in two zones": (datetime(2026, 1, 2, 12, tzinfo=UTC), "2026-01-02T13:00:00+01:00"),
    "a moment on two days": (datetime(2026, 1, 2, 23, 30, tzinfo=UTC), "2026-01-03T00:30:00+01:00"),
    "a moment without a zone": (datetime(2026, 1, 2, 12), "2026-01-02T12:00:00Z"),
    "a moment's day": (datetime(2026, 1, 2, 23, 59), "2026-01-02"),
    "a sum of floats": (0.3, 0.1 + 0.2),
    "a whole sum of floats": (3, 3.0000000000000004),
    "a float of 32 bits": (row_values(pa.array([0.1], pa.float32()))[0], 0.1),
    "a number with thousands": (1234.5, "1,234.5"),
    "millions": (-1_234_567, " -1,234,567 "),
    "a list as JSON": (["a", "b"], '["A", "b"]'),
    "an object": ({"n": 1}, {"n": "1"}),
}

OTHER = {
    "another word": ("positive", "negative"),
    "a part of it": ("positive", "positive."),
    "no": (True, "no"),
    "no answer": (None, "positive"),
    "no number": (4, "four"),
    "a long number": (2**60, str(2**60 + 1)),
    "another date": (date(2026, 1, 2), "2026-02-01"),
    "no date": (date(2026, 1, 2), "yesterday"),
    "another hour": (datetime(2026, 1, 2, 23, 59), datetime(2026, 1, 2, 8)),
    "another hour as text": (datetime(2026, 1, 2, 23, 59), "2026-01-02 08:00"),
    "a moment in another zone": (datetime(2026, 1, 2, 12, tzinfo=UTC), "2026-01-02T12:00:00+01:00"),
    "a number that is no date": (date(2026, 1, 5), 20260106),
    "a cent": (1_234_567.89, "1234567.88"),
    "a whole float": (10_000_000_001, 10_000_000_002.0),
    "a comma for a point": (1.5, "1,5"),
    "a word for null": (4, "N/A"),
    "another order": (["a", "b"], '["b", "a"]'),
    "no list": (["a"], "a"),
}


@pytest.mark.parametrize(("given_value", "expected"), SAME.values(), ids=SAME)
def test_it_says_the_same(given_value: Any, expected: Any) -> None:
    """Whichever of the two is the answer's."""
    assert says_the_same(given_value, expected)
    assert says_the_same(expected, given_value)


@pytest.mark.parametrize(("given_value", "expected"), OTHER.values(), ids=OTHER)
def test_it_says_something_else(given_value: Any, expected: Any) -> None:
    """Whichever of the two is the answer's."""
    assert not says_the_same(given_value, expected)
    assert not says_the_same(expected, given_value)


VALUES = st.one_of(
    st.text(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(),
    st.datetimes(),
)


@given(VALUES)
def test_a_value_is_the_same_as_its_text_in_a_csv_file(value: Any) -> None:
    """Of every kind that a field of an answer has."""
    assert says_the_same(value, text(value))


@pytest.mark.parametrize("value", [None, "", "  ", float("nan")], ids=["null", "empty", "blanks", "no number"])
def test_a_field_that_says_nothing_expects_nothing(value: Any) -> None:
    """So its row is left out of the count."""
    assert is_nothing(value)
