"""The answers of a job whose folder is lost: put together from what its batches gave, without its rows."""

from collections.abc import Iterable, Iterator
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from ..outcomes.outcome_columns import outcome_schema
from ..outcomes.outcome_files import FetchedOutput, open_outcomes
from ..tables.destinations import write_table
from .results import RESULT_COLUMNS


def write_recovered(outputs: list[tuple[int, FetchedOutput]], destination: str, *, keep_response: bool) -> int:
    """Write one line an item, in the order in which the first round sent them; returns how many.

    The columns are those that a job adds to its rows. Of an item that went again the last round's outcome counts.

    Args:
        outputs: What each batch gave, with the number of its round, in the order of rounds and input files.
        destination: A path or URL, whose ending names the format.
        keep_response: Whether whole bodies are written too.
    """
    endpoint = outputs[0][1].endpoint
    names = [*RESULT_COLUMNS, "response"] if keep_response else [*RESULT_COLUMNS]
    full = outcome_schema(endpoint)
    schema = pa.schema([full.field(name) for name in names])
    written = _Counted(_latest(outputs))
    write_table(destination, schema, (batch.select(names) for batch in written))
    return written.rows


class _Counted:
    """Record batches, counted as they pass."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self.batches = batches
        self.rows = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self.batches:
            self.rows += batch.num_rows
            yield batch


def _latest(outputs: list[tuple[int, FetchedOutput]]) -> Iterator[pa.RecordBatch]:
    """Every item once, with its last outcome; memory holds the later rounds, which are small, and a row group."""
    rounds = [[output for _, output in group] for _, group in groupby(outputs, key=lambda numbered: numbered[0])]
    later: dict[str, pa.RecordBatch] = {}
    for group in rounds[1:]:
        for batch in _batches(group):
            ids = batch["custom_id"].to_pylist()
            later |= {custom_id: batch.slice(place, 1) for place, custom_id in enumerate(ids)}
    for batch in _batches(rounds[0]):
        ids = batch["custom_id"].to_pylist()
        replaced = {custom_id: later.pop(custom_id) for custom_id in ids if custom_id in later}
        yield _replace(batch, replaced) if replaced else batch
    yield from later.values()


def _batches(outputs: Iterable[FetchedOutput]) -> Iterator[pa.RecordBatch]:
    for output in outputs:
        with open_outcomes(output) as kept:
            yield from kept.batches(None)


def _replace(batch: pa.RecordBatch, replaced: dict[str, pa.RecordBatch]) -> pa.RecordBatch:
    """The batch with some of its lines replaced by later ones, each in its place."""
    pool = pa.Table.from_batches([batch, *replaced.values()])
    place = {custom_id: batch.num_rows + number for number, custom_id in enumerate(replaced)}
    chosen = [place.get(custom_id, number) for number, custom_id in enumerate(batch["custom_id"].to_pylist())]
    return pool.take(pc.cast(pa.array(chosen), pa.int64())).combine_chunks().to_batches()[0]
