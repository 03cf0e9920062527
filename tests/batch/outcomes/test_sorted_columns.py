"""Columns come back in the order of their places, whether they fit into memory or not."""

import pyarrow as pa
import pytest
from prefect_openai_batch.batch.outcomes.sorted_columns import PIECE, PLACE, SortedColumns


@pytest.mark.parametrize("many", [1, 100, 2_000], ids=["one", "some", "all"])
def test_pieces_are_in_order(many: int) -> None:
    """From any number of runs, on disk but for the last, with places that are absent."""
    places = [place * 7 % 1_009 for place in range(1_009) if place % 5]
    starts = range(0, len(places), many)
    with SortedColumns() as columns:
        for start in starts:
            some = places[start : start + many]
            run = pa.table({PLACE: some, "text": [f"t{place}" for place in some]})
            columns.add(run, last=start == starts[-1])
        found = [[batch.to_pylist() for batch in columns.piece(number)] for number in range(6)]
    assert all(batch == sorted(batch, key=lambda row: row[PLACE]) for piece in found for batch in piece)
    rows = [sorted((row[PLACE], row["text"]) for batch in piece for row in batch) for piece in found]
    wanted = [(place, f"t{place}") for place in sorted(places)]
    assert rows == [[row for row in wanted if row[0] // PIECE == number] for number in range(6)]
