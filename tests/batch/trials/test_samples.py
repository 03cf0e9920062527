"""Which rows are tried."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.trials.samples import sample_rows

COUNTS = st.integers(1, 5_000_000)
FEW = st.integers(1, 300)


@given(COUNTS, FEW, st.integers(0, 2**32))
def test_each_stretch_of_the_table_gives_one_row(rows: int, wanted: int, seed: int) -> None:
    """So they are as many as were wanted, distinct, ascending, and of the table."""
    sample = sample_rows(rows, wanted, seed=seed)
    tried = min(wanted, rows)
    stretches = [number * rows // tried for number in range(tried)]
    assert (np.searchsorted(stretches, sample, side="right") - 1).tolist() == list(range(tried))
    assert sample[-1] < rows


@given(COUNTS, FEW, st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_rows(rows: int, wanted: int, seed: int) -> None:
    """In whichever process."""
    assert sample_rows(rows, wanted, seed=seed).tolist() == sample_rows(rows, wanted, seed=seed).tolist()


def test_another_seed_gives_other_rows() -> None:
    """So that a second trial sees more of the table."""
    assert sample_rows(10_000, seed=1).tolist() != sample_rows(10_000, seed=2).tolist()


@given(COUNTS, FEW)
def test_the_first_rows_are_the_first(rows: int, wanted: int) -> None:
    """All of them where there are no more."""
    assert sample_rows(rows, wanted, first=True).tolist() == list(range(min(rows, wanted)))
