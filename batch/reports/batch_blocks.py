"""The batches of a job: when each was created, ran, and ended."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from ..files.batches import SYNCHRONOUS, Batch
from ..files.unpaid import UNPAID
from ..outcomes.outcome_files import FetchedOutput
from ..words import counted, duration
from .blocks import ReportBlock, Spans
from .grids import Grid, brief, more

SHOWN = 20
"""So many batches are drawn, and listed."""

STEPS = ("before", "validating", "in progress", "finalizing")

NO_BATCHES = (SYNCHRONOUS, *UNPAID)

BATCH_PAGE = "https://platform.openai.com/batches/{id}"
"""Where OpenAI shows a batch."""

HEADERS = ("batch", "round", "status", "items", "created (UTC)", "took")


def batch_blocks(outputs: Sequence[FetchedOutput], *, at_openai: bool) -> Iterator[ReportBlock]:
    """When the batches ran, as a chart, and each of them.

    Args:
        outputs: What was fetched, in order.
        at_openai: Whether it is OpenAI's own server that has them.
    """
    sent = [output for output in outputs if output.batch.id not in NO_BATCHES]
    timed = [output.batch for output in sent if _times(output.batch)]
    if timed:
        yield _chart(timed)
    if sent:
        pages = (
            tuple(BATCH_PAGE.format(id=quote(one.batch.id, safe="")) for one in sent[:SHOWN]) if at_openai else ()
        )
        yield Grid(HEADERS, tuple(map(_row, sent[:SHOWN])), frozenset({1, 3, 5}), links=pages)
        yield from more(len(sent), SHOWN)


def _times(batch: Batch) -> tuple[int, int, int, int] | None:
    """When it was created, began, was finalized, and ended; what is not told is when the next began.

    None where its beginning or its end is not known. Servers' clocks go backwards at times: no step ends before it
    begins.
    """
    ended = batch.completed_at or batch.expired_at or batch.cancelled_at or batch.failed_at
    if batch.created_at is None or ended is None:
        return None
    finalizing = batch.finalizing_at or batch.cancelling_at or ended
    begun = max(batch.in_progress_at or finalizing, batch.created_at)
    finalizing = max(finalizing, begun)
    return batch.created_at, begun, finalizing, max(ended, finalizing)


def _chart(batches: Sequence[Batch]) -> Spans:
    times = [told for told in map(_times, batches) if told]
    first = min(created for created, *_ in times)
    seconds = tuple(
        tuple(map(float, (created - first, begun - created, finalizing - begun, ended - finalizing)))
        for created, begun, finalizing, ended in times
    )
    note = f"{duration(max(ended for *_, ended in times) - first)} from the first to the last"
    note += f"; of {len(batches):,} the first {SHOWN}" if len(batches) > SHOWN else ""
    return Spans("Batches", note, tuple(map(_name, batches[:SHOWN])), STEPS, seconds[:SHOWN])


def _name(batch: Batch) -> str:
    """The end of an id, by which batches are told apart."""
    return batch.id[-8:]


def _row(output: FetchedOutput) -> tuple[str, ...]:
    batch, times = output.batch, _times(output.batch)
    sent = batch.input_file
    created = "" if batch.created_at is None else f"{datetime.fromtimestamp(batch.created_at, UTC):%d %b %H:%M:%S}"
    took = duration(times[3] - times[0]) if times else ""
    items = f"{sum(output.outcomes.values()):,}"
    return brief(batch.id), str(sent.round) if sent else "", brief(batch.status), items, created, took


def batches_in_words(outputs: Sequence[FetchedOutput], rounds: int) -> str:
    """How many batches there were, and rounds."""
    sent = sum(output.batch.id not in NO_BATCHES for output in outputs)
    told = counted(sent, "batch", "batches")
    return told if rounds < 2 else f"{told} in {rounds} rounds"
