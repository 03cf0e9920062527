"""What a sample foretells of its table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.trials.forecasts import tokens_by_bytes

SIZES = st.lists(st.integers(1, 200_000), min_size=2, max_size=50)


@given(SIZES, SIZES, st.integers(0, 5_000), st.floats(0, 2))
def test_tokens_that_go_with_bytes_are_foretold_to_the_token(
    sample: list[int], rest: list[int], fixed: int, rate: float
) -> None:
    """Whichever rows were tried, as long as they differ in length."""
    whole = [*sample, *rest]
    line = tokens_by_bytes(sample, [round(fixed + rate * size) for size in sample])
    if len(set(sample)) > 1 and max(sample) - min(sample) > 1_000:
        expected = sum(fixed + rate * size for size in whole)
        assert line.total(len(whole), sum(whole)) == pytest.approx(expected, rel=0.01, abs=0.01 * sum(whole) + 1)


@given(SIZES, st.integers(0, 5_000), st.integers(1, 10**6))
def test_tokens_that_do_not_go_with_bytes_are_their_mean(sizes: list[int], tokens: int, items: int) -> None:
    """As those of images, however long their addresses are."""
    line = tokens_by_bytes(sizes, [tokens] * len(sizes))
    assert line.total(items, items * 500) == pytest.approx(items * tokens, rel=1e-6)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), min_size=1), st.integers(0, 10**9))
def test_no_table_takes_fewer_tokens_than_none(told: list[tuple[int, int]], size: int) -> None:
    """Whatever was reported."""
    sizes, tokens = zip(*told, strict=True)
    assert tokens_by_bytes(sizes, tokens).total(len(told), size) >= 0


def test_one_row_foretells_by_its_tokens_alone() -> None:
    """There is no line through one point."""
    assert tokens_by_bytes([200], [50]).total(10, 4_000) == 500
