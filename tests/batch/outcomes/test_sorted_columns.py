"""Columns come back in the order of their places, whether they fit into memory or not."""

import pyarrow as pa
import pytest
from prefect_openai_batch.batch.outcomes import sorted_columns
from prefect_openai_batch.batch.outcomes.sorted_columns import PIECE, PLACE, SortedColumns


@pytest.mark.parametrize("in_memory", [0, 10_000, 10**9], ids=["nothing", "something", "everything"])
def test_pieces_are_in_order(monkeypatch: pytest.MonkeyPatch, in_memory: int) -> None:
    """From any number of batches, with places that are absent."""
    monkeypatch.setattr(sorted_columns, "SORTED_BYTES", in_memory)
    places = [place * 7 % 1_009 for place in range(1_009) if place % 5]
    with SortedColumns() as columns:
        for start in range(0, len(places), 100):
            some = places[start : start + 100]
            columns.add(pa.table({PLACE: some, "text": [f"t{place}" for place in some]}))
        columns.end()
        found = [[batch.to_pylist() for batch in columns.piece(number)] for number in range(6)]
    assert all(batch == sorted(batch, key=lambda row: row[PLACE]) for piece in found for batch in piece)
    rows = [sorted((row[PLACE], row["text"]) for batch in piece for row in batch) for piece in found]
    wanted = [(place, f"t{place}") for place in sorted(places)]
    assert rows == [[row for row in wanted if row[0] // PIECE == number] for number in range(6)]
