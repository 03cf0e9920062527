"""Which rows are tried."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.trials.samples import sample_models, sample_rows, share_out

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


MODELS = st.lists(st.integers(1, 1_000), min_size=2, max_size=40)


@given(MODELS, FEW)
def test_each_model_has_a_row_where_there_are_enough(sizes: list[int], wanted: int) -> None:
    """As many as were wanted in all, no more of one than it has."""
    counts = share_out(sizes, wanted)
    assert sum(counts) == min(wanted, sum(sizes))
    assert all(count <= size for count, size in zip(counts, sizes, strict=True))
    assert sum(count > 0 for count in counts) == min(wanted, len(sizes))


@given(MODELS, FEW, st.integers(0, 2**32))
def test_a_sample_of_several_models_is_one_of_the_table(sizes: list[int], wanted: int, seed: int) -> None:
    """Its rows are as many, distinct, ascending, and the same of the same seed."""
    mixed = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    models = {str(model): np.flatnonzero(mixed == model) for model in range(len(sizes))}
    sample = sample_models(models, wanted, seed=seed)
    assert len(sample) == min(wanted, sum(sizes))
    assert (np.diff(sample) > 0).all()
    assert sample.tolist() == sample_models(models, wanted, seed=seed).tolist()
