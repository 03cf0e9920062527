"""Histograms of numbers as they pass: nothing lost, whatever the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.reports.found.histograms import CELLS, HUGE, Histogram

WHOLE = st.lists(st.integers(-(10**15), 10**15), min_size=1, max_size=60)
FLOATS = st.lists(st.floats(-HUGE, HUGE, exclude_min=True, exclude_max=True), min_size=1, max_size=60)
SMALL = st.lists(st.integers(0, CELLS - 1), min_size=1, max_size=60)


def of(numbers: list[float], *, whole: bool, at_once: int = 60) -> Histogram:
    found = Histogram(whole=whole)
    for start in range(0, len(numbers), at_once):
        found.add(np.array(numbers[start : start + at_once], dtype=np.float64))
    return found


@given(WHOLE | FLOATS, st.booleans())
def test_every_number_is_in_one_cell_and_one_bar(numbers: list[float], whole: bool) -> None:
    """Both sum to their count, the cells are bounded, and the bars' bounds rise."""
    found = of(numbers, whole=whole)
    bounds, counts = found.bars()
    assert found.count == sum(found.cells.values()) == sum(counts) == len(numbers)
    assert len(found.cells) <= CELLS
    assert len(bounds) == len(counts) + 1
    assert list(bounds) == sorted(set(bounds))


@given(WHOLE | FLOATS, st.booleans(), st.integers(1, 7))
def test_the_order_does_not_matter(numbers: list[float], whole: bool, at_once: int) -> None:
    """The same numbers, in other portions and another order, are spread alike."""
    others = sorted(numbers)
    assert of(numbers, whole=whole).cells == of(others, whole=whole, at_once=at_once).cells


@given(SMALL, st.floats(0.01, 1.0))
def test_quantiles_of_small_whole_numbers_are_exact(numbers: list[int], share: float) -> None:
    """As most counts of tokens are."""
    place = max(int(np.ceil(share * len(numbers))), 1) - 1
    assert of([*map(float, numbers)], whole=True).quantile(share) == sorted(numbers)[place]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1e155], ids=["nan", "infinite", "huge"])
def test_what_cannot_be_drawn_is_left_out(number: float) -> None:
    """Answers are what a model wrote."""
    assert of([1.0, number], whole=False).count == 1
