"""Numbers, as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.reports.axes import MOST, count_marks, time_marks
from prefect_openai_batch.batch.words import counted, duration, number, percent, short, size


@pytest.mark.parametrize(
    ("said", "as_read"),
    [
        (duration(59.4), "59 s"),
        (duration(3_600), "1 h"),
        (duration(7_980), "2 h 13 min"),
        (duration(180_000), "2 d 2 h"),
        (number(0.7712), "0.771"),
        (number(3.116), "3.12"),
        (number(1_502_490.6), "1,502,491"),
        (number(2e-7), "2e-07"),
        (number(100.0), "100"),
        (short(9_999), "9,999"),
        (short(484_000), "484 k"),
        (short(2_820_000), "2.82 M"),
        (short(999_950), "1 M"),
        (short(2_500_000_000_000), "2,500 G"),
        (counted(1, "batch", "batches"), "1 batch"),
        (size(0), "0 B"),
        (size(812), "812 B"),
        (size(1_240), "1.24 kB"),
        (size(999_600), "1 MB"),
        (size(2_345_600_000), "2.35 GB"),
    ],
    ids=str,
)
def test_a_number_is_short(said: str, as_read: str) -> None:
    """Two units of time, three digits, thousands apart."""
    assert said == as_read


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_all_is_said_only_of_all(part: int, whole: int) -> None:
    """100 % says that nothing is missing, 0 % that nothing is there."""
    part = min(part, whole)
    assert (percent(part, whole) == "100 %") == (part == whole)
    assert (percent(part, whole) == "0 %") == (part == 0)


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        (count_marks(1.3), ["0", "1"]),
        (count_marks(12_345), ["0", "5000", "10000"]),
        (time_marks(192), ["0 s", "1 min", "2 min", "3 min"]),
        (time_marks(7_261), ["0 s", "30 min", "1 h", "1 h 30 min", "2 h"]),
        (time_marks(86_361), ["0 s", "6 h", "12 h", "18 h"]),
    ],
    ids=["one row", "many rows", "minutes", "hours", "a day"],
)
def test_an_axis_is_marked_where_a_person_would(marks: list[int], told: list[str]) -> None:
    """At no half a row, and at no 0.8 minutes."""
    assert [duration(mark) if " " in told[0] else str(mark) for mark in marks] == told


@given(st.floats(0, 1e9))
def test_an_axis_has_a_few_marks(most: float) -> None:
    """However long it is; none lies behind its end."""
    for marks in (count_marks(most), time_marks(most)):
        assert 1 <= len(marks) <= MOST
        assert marks[-1] <= most
