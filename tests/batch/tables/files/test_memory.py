"""What is in memory at once is bounded, also where rows share their texts, or some are far longer than others."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem
from prefect_openai_batch.batch.tables.files.parquet_source import refuse_broken_text
from prefect_openai_batch.batch.tables.row_groups import gathered, slices
from prefect_openai_batch.batch.tables.source_files import SourceFile
from prefect_openai_batch.batch.tables.sources import FileSource, open_source

REPEATED = pa.array(["a" * 100_000, "b" * 100_000]).dictionary_encode().take(pa.array([0, 1] * 1_000))
"""2,000 rows of 200 MB, were each by itself."""


@contextmanager
def counted() -> Iterator[pa.MemoryPool]:
    """What Arrow takes its memory from in the block, which tells the most that it took."""
    before, counting = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
    pa.set_memory_pool(counting)
    try:
        yield counting
    finally:
        pa.set_memory_pool(before)


def test_repeated_texts_are_read_few_at_a_time(tmp_path: Path) -> None:
    """The file has some kB, and tells nothing of their size."""
    pq.write_table(pa.table({"x": REPEATED.cast(pa.string())}), tmp_path / "a.parquet")
    with counted() as memory:
        rows = [batch.num_rows for batch in open_source(FileSource(path=str(tmp_path / "a.parquet")))]
        assert memory.max_memory() < 110_000_000
    assert sum(rows) == 2_000


@pytest.mark.parametrize("views", [False, True], ids=["categories", "views"])
def test_texts_that_rows_share_count_for_each_of_them(views: bool) -> None:
    """Categories become a text in each row when items are made of them; and no slice is smaller than need be."""
    column = REPEATED.cast(pa.string()).cast(pa.string_view()) if views else REPEATED
    found = list(slices(pa.record_batch({"x": column, "n": range(2_000)}), size=8_000_000))
    assert {batch.num_rows for batch in found} == {77, 75}
    again = list(gathered(found))
    assert [batch.num_rows for batch in again[:-1]] == [308] * (len(again) - 1)


def test_a_long_text_among_categories_is_looked_at_once() -> None:
    """It is not written out for each row, to know that it is UTF-8."""
    file = SourceFile("a.parquet", LocalFileSystem(), "a.parquet")
    with counted() as memory:
        refuse_broken_text(file, pa.record_batch({"x": REPEATED}), 0)
        assert memory.max_memory() < 10_000_000


@pytest.mark.parametrize("first", [0, 777, 940], ids=["first", "within", "last"])
def test_long_rows_beside_each_other_are_parted(first: int) -> None:
    """60 of 1 MB among 1,000 short ones: no slice of more than one row is over the size; a row alone may be."""
    texts = ["x" * (1_000_000 if first <= row < first + 60 else 10) for row in range(1_000)]
    texts[500] = "y" * 9_000_000
    batch = pa.record_batch({"n": range(1_000), "x": texts})
    found = list(slices(batch, size=8_000_000))
    assert [batch.num_rows for batch in found if batch.nbytes > 8_000_000] == [1]
    assert pa.Table.from_batches(found).equals(pa.Table.from_batches([batch]))


def test_what_rows_share_within_lists_is_not_cut_row_by_row() -> None:
    """Each slice holds all of it, however few rows it has."""
    words = pa.array([f"{number:05}" * 400 for number in range(2_000)])
    shared = pa.DictionaryArray.from_arrays(
        pa.array([number % 2_000 for number in range(8_000)], pa.int32()), words
    )
    lists = pa.ListArray.from_arrays(pa.array(range(8_001), pa.int32()), shared)
    cut = list(slices(pa.record_batch({"x": lists}), size=1_000_000))
    assert sum(one.num_rows for one in cut) == 8_000
    assert len(cut) < 50


def test_equal_rows_are_cut_into_equal_slices() -> None:
    """Of as many rows as fit."""
    batch = pa.record_batch({"x": ["x" * 1_000] * 10_000})
    assert [one.num_rows for one in slices(batch, size=4_000_000)] == [3_334, 3_334, 3_332]
    assert [one.num_rows for one in slices(batch, rows=3_000)] == [2_500] * 4
