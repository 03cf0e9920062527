"""Vectors are kept as their bytes, and come back as they were."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.outcomes.kept.vectors import VECTOR, packed, unpacked

VECTORS = st.lists(st.none() | st.lists(st.floats(width=32, allow_nan=False), max_size=3), max_size=6)


@given(vectors=VECTORS, start=st.integers(0, 3))
def test_vectors_come_back(vectors: list[list[float] | None], start: int) -> None:
    """Null is not empty; and what is a part of a longer column is that part."""
    column = pa.array(vectors, VECTOR)
    batch = pa.RecordBatch.from_pydict({"answer": column}).slice(start)
    there = packed(batch)
    assert there["answer"].type == pa.binary()
    assert unpacked(there).to_pylist() == unpacked(pa.Table.from_batches([there])).to_pylist() == batch.to_pylist()
    assert unpacked(there.slice(1)).to_pylist() == batch.slice(1).to_pylist()
