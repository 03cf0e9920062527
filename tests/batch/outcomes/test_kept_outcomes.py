"""Outcomes are read as they were written: any of their rows and columns, also as earlier versions kept them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect_openai_batch.batch.files.batches import Batch
from prefect_openai_batch.batch.outcomes.kept.kept_outcomes import AS_PARQUET, OUTCOMES
from prefect_openai_batch.batch.outcomes.open_outputs import OpenOutputs
from prefect_openai_batch.batch.outcomes.outcome import Outcome, OutcomeKind
from prefect_openai_batch.batch.outcomes.outcome_columns import outcome_batches
from prefect_openai_batch.batch.outcomes.outcome_files import (
    FetchedOutput,
    open_outcomes,
    read_outcomes,
    write_batches,
)
from prefect_openai_batch.batch.requests.endpoints import Endpoint
from prefect_openai_batch.batch.storage.folders import Folder

BATCH = Batch(id="batch_1", status="completed")

As = Callable[[FetchedOutput], FetchedOutput]


def as_it_is(fetched: FetchedOutput) -> FetchedOutput:
    """As it was written."""
    return fetched


def as_before(fetched: FetchedOutput) -> FetchedOutput:
    """As an earlier version would have kept it, and recorded that."""
    with fetched.files.open(OUTCOMES) as kept, fetched.files.create(AS_PARQUET) as file:
        pq.write_table(pa.ipc.open_file(kept).read_all(), file, row_group_size=2)
    fetched.files.remove(OUTCOMES)
    return FetchedOutput.model_validate_json(fetched.model_dump_json(exclude={"first_rows"}))


def said(endpoint: Endpoint, row: int) -> Outcome:
    """What became of a row: some have no answer."""
    if row % 3 == 0:
        return Outcome(OutcomeKind.MISSING, again=True, error_code="missing")
    answer = f"answer {row}" if endpoint != Endpoint.EMBEDDINGS else np.array([row, -row], dtype=np.float32)
    return Outcome(OutcomeKind.SUCCEEDED, answer=answer, input_tokens=row)


def written(folder: str, endpoint: Endpoint, groups: Sequence[Sequence[int]]) -> FetchedOutput:
    """The outcomes of these rows, each group a record batch."""
    items = ([(row, str(row), said(endpoint, row)) for row in rows] for rows in groups)
    batches = (batch for group in items for batch in outcome_batches(group, endpoint, BATCH.id))
    return write_batches(BATCH, endpoint, batches, Folder(folder))


def parts(rows: list[int], cuts: list[int]) -> list[list[int]]:
    bounds = sorted({0, *(cut % (len(rows) + 1) for cut in cuts), len(rows)})
    return [rows[start:end] for start, end in pairwise(bounds)]


@pytest.mark.parametrize("kept", [as_it_is, as_before])
@given(
    endpoint=st.sampled_from([Endpoint.RESPONSES, Endpoint.EMBEDDINGS]),
    rows=st.sets(st.integers(0, 40)).map(sorted),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    bounds=st.tuples(st.integers(0, 41), st.integers(0, 41)).map(sorted),
    columns=st.sampled_from([None, ["row"], ["row", "error_code"], ["answer", "row"]]),
)
def test_any_rows_and_columns_are_read(
    kept: As,
    endpoint: Endpoint,
    rows: list[int],
    cuts: list[int],
    bounds: list[int],
    columns: list[str] | None,
) -> None:
    """Those between two rows, whichever there are, however they lie in record batches."""
    first, end = bounds
    with TemporaryDirectory() as folder:
        fetched = kept(written(folder, endpoint, parts(rows, cuts)))
        assert fetched.is_kept
        with OpenOutputs([fetched], columns) as opened:
            tables = [table for _, table in opened.between(first, end)]
            found = [row for table in tables for row in table.to_pylist()]
        whole = read_outcomes(fetched).to_pylist()
        with open_outcomes(fetched, columns) as kept_ones:
            assert [row for batch in kept_ones.batches(None) for row in batch["row"].to_pylist()] == rows
    assert whole == [seen(endpoint, row) for row in rows]
    names = columns or [*whole[0]] if rows else []
    assert found == [
        {name: one[name] for name in one if name in names} for one in whole if first <= one["row"] < end
    ]


@given(
    owners=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    at_once=st.integers(1, 10),
)
def test_outputs_are_read_side_by_side(owners: list[int], cuts: list[int], at_once: int) -> None:
    """A few rows at a time: each tells of its own, wherever the others' lie; what holds no row is not asked."""
    with TemporaryDirectory() as folder:
        own = {name: [row for row, owner in enumerate(owners) if owner == name] for name in range(4)}
        outputs = [
            written(f"{folder}/{name}", Endpoint.RESPONSES, parts(rows, cuts)) for name, rows in own.items()
        ]
        with OpenOutputs(outputs, ["row"]) as opened:
            for first in range(0, len(owners), at_once):
                told = opened.between(first, first + at_once)
                found = {output.folder: table["row"].to_pylist() for output, table in told}
                wanted = {
                    name: [row for row in rows if first <= row < first + at_once] for name, rows in own.items()
                }
                for name, rows in wanted.items():
                    assert found.get(f"{folder}/{name}", []) == rows


def test_a_record_batch_is_read_once_for_all_rows_that_it_holds(tmp_path: Any) -> None:
    """A later round's rows are far apart: read for each few rows, they would be read hundreds of times."""
    with OpenOutputs(
        [written(str(tmp_path), Endpoint.EMBEDDINGS, [range(0, 100, 10), range(100, 200)])]
    ) as opened:
        told = [opened.between(first, first + 10)[0][1]["answer"].chunk(0) for first in range(0, 110, 10)]
        places = [vectors.values.buffers()[1].address for vectors in told]
    assert len({*places[:-1]}) == 1
    assert places[-1] != places[0]


def seen(endpoint: Endpoint, row: int) -> dict[str, Any]:
    """An outcome as it is read."""
    told = said(endpoint, row)._asdict()
    del told["fields"]
    answer = told["answer"] if isinstance(told["answer"], str | None) else told["answer"].tolist()
    return {"row": row, "custom_id": str(row), **told, "answer": answer, "batch_id": BATCH.id}


def test_what_is_gone_is_not_kept(tmp_path: Any) -> None:
    """So it is fetched again."""
    fetched = written(str(tmp_path), Endpoint.RESPONSES, [[1, 2]])
    fetched.files.remove(OUTCOMES)
    assert not fetched.is_kept
