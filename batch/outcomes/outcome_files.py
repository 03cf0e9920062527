"""What was fetched for one input file: its outcomes in the order of its rows."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from ..files.batches import Batch
from ..files.output_files import OutputLines
from ..files.unpaid import UNPAID
from ..heap import frozen_heap, one_thread_at_a_time
from ..requests.endpoints import Endpoint
from ..schemas.answer_types import AnswerType
from ..storage.folders import Folder
from .by_row.hidden_errors import with_hidden_error
from .by_row.reasons import count_reasons, unanswered
from .by_row.without_lines import without_line
from .kept.kept_outcomes import AS_PARQUET, OUTCOMES, KeptOutcomes, kept_outcomes, outcome_writer
from .kept.vectors import packed, unpacked
from .outcome import OUT_OF_QUOTA, Outcome, OutcomeKind, item_outcome
from .outcome_columns import outcome_batches, outcome_schema
from .quick.quick_lines import quick_lines
from .reconciled_batches import reconciled_batches
from .reconciliation import Reconciliation
from .sorted_columns import SortedColumns
from .token_counts import COUNTS, TokenCounts
from .unread import Reading


class FetchedOutput(BaseModel):
    """A reference to what one batch gave: its outcomes in the folder, kept as `name`.

    `dimensions` is the length of embeddings, None elsewhere or where they differ; `again` counts the rows
    that are worth another try, `out_of_quota` those that failed because the account could not pay. `untold` counts
    the items of which no line could be read, `unread` those that the batch says it finished all the same, and
    `shapeless` those whose line holds a response that is not shaped as the endpoint's are.
    `first_rows` are those of the record batches in which the outcomes are kept; None: an earlier version kept them
    as Parquet.
    """

    model_config = ConfigDict(frozen=True)

    folder: str
    endpoint: Endpoint
    batch: Batch
    outcomes: dict[str, int]
    again: int
    out_of_quota: int = 0
    untold: int = 0
    unread: int = 0
    shapeless: int = 0
    tokens: TokenCounts
    dimensions: int | None = None
    first_row: int
    last_row: int
    first_rows: tuple[int, ...] | None = None
    name: str = OUTCOMES

    @property
    def files(self) -> Folder:
        """The folder of the outcomes."""
        return Folder(self.folder)

    @property
    def all_read(self) -> bool:
        """Whether its remote files hold nothing more: no item that was run is untold, or shapeless."""
        return not (self.unread or self.shapeless)

    @property
    def is_kept(self) -> bool:
        """Whether its outcomes are there."""
        return self.files.exists(self.kept_as)

    @property
    def kept_as(self) -> str:
        """What the file of the outcomes is called."""
        return AS_PARQUET if self.first_rows is None else self.name

    def numbers_between(self, first: int, end: int) -> range | None:
        """The numbers of the record batches that hold rows from `first` to `end`; None where that is not known."""
        if self.first_rows is None:
            return None
        return range(max(bisect_right(self.first_rows, first) - 1, 0), bisect_left(self.first_rows, end))

    def frame(self) -> pd.DataFrame:
        """One line an item: `custom_id, outcome, answer, response, error`, in the order they were sent.

        `response` is the body as a dict where it was kept, `error` a text where there is one.
        """
        table = read_outcomes(self)
        reasons = zip(table["error_code"].to_pylist(), table["error_message"].to_pylist(), strict=True)
        bodies = [None if body is None else orjson.loads(body) for body in table["response"].to_pylist()]
        return pd.DataFrame(
            {
                "custom_id": table["custom_id"].to_pandas(),
                "outcome": table["outcome"].to_pandas(),
                "answer": table["answer"].to_pandas(),
                "response": pd.Series(bodies, dtype=object),
                "error": [": ".join(filter(None, reason)) or None for reason in reasons],
            }
        )


@one_thread_at_a_time()
@frozen_heap()
def write_outcomes(
    batch: Batch,
    endpoint: Endpoint,
    items: pa.Table | None,
    paths: Iterable[Path],
    folder: Folder,
    *,
    keep_response: bool = False,
    answer: AnswerType | None = None,
    otherwise: Outcome | None = None,
    hide: Callable[[str], str] = str,
    name: str = OUTCOMES,
) -> FetchedOutput:
    """Reconcile what a batch was sent with what it gave, and write one outcome an item.

    Args:
        batch: The batch, ended.
        endpoint: Where its items were sent.
        items: What it was sent, in order, as row and custom_id; None takes the custom_ids as the files give them.
        paths: Its output and error files, as downloaded.
        folder: Where the outcomes go.
        keep_response: Whether whole bodies stay, as JSON text.
        answer: What each answer is, where answers are typed.
        otherwise: What became of an item without a line; by default the batch's end tells it.
        hide: Takes out of an error's text what is secret: a server may quote the request that it came with.
        name: What their file is called; where others may write theirs beside it, as `name_of_try` says.
    """
    reading = Reading()
    missing = otherwise or without_line(batch)
    quick = None if keep_response else quick_lines(endpoint, answer)
    with OutputLines(paths) as lines, SortedColumns() as columns:

        def outcome_of(positions: Sequence[int]) -> Outcome:
            told = [lines.read(position) for position in positions]
            outcome = item_outcome(endpoint, told, missing, keep_response=keep_response, answer=answer)
            return with_hidden_error(reading.add(told, outcome), hide)

        told = Reconciliation(items, lines, quick, columns)
        if quick is None:
            sent = zip(told.rows.to_pylist(), told.custom_ids.to_pylist(), told.noted.values(), strict=True)
            found = ((row, custom_id, outcome_of(at)) for row, custom_id, at in sent)
            batches = outcome_batches(found, endpoint, batch.id, answer)
        else:
            batches = reconciled_batches(told, outcome_schema(endpoint, answer), batch.id, outcome_of)
        output = write_batches(batch, endpoint, batches, folder, answer, name)
        reading.add_answers(told.answers)
    unread = reading.unread(batch, all_known=items is not None)
    return output.model_copy(update={"untold": reading.untold, "unread": unread, "shapeless": reading.shapeless})


def write_found(
    batch: Batch,
    endpoint: Endpoint,
    found: Iterable[tuple[int, str, Outcome]],
    folder: Folder,
    answer: AnswerType | None = None,
) -> FetchedOutput:
    """Write the outcomes of a batch's items, given as row, custom_id and outcome in the order of the rows."""
    batches = outcome_batches(found, endpoint, batch.id, answer)
    return write_batches(batch, endpoint, batches, folder, answer)


def write_batches(
    batch: Batch,
    endpoint: Endpoint,
    batches: Iterable[pa.RecordBatch],
    folder: Folder,
    answer: AnswerType | None = None,
    name: str = OUTCOMES,
) -> FetchedOutput:
    """Write the outcomes of a batch's items, given as columns in the order of the rows."""
    tally = Tally()
    first_rows = []
    with outcome_writer(folder, outcome_schema(endpoint, answer), name) as writer:
        for outcomes in batches:
            first_rows.append(outcomes["row"][0].as_py())
            writer.write_batch(packed(outcomes))
            tally.add(unpacked(outcomes))
    counted = tally.summary()
    first, kept = tuple(first_rows), folder.url
    return FetchedOutput(folder=kept, endpoint=endpoint, batch=batch, first_rows=first, name=name, **counted)


@dataclass
class Tally:
    """What a stream of outcomes amounts to; `reasons` are those of rows without an answer.

    `cut_off` counts those whose answer is there as far as the request's limit of output tokens let it go.
    `unpaid` counts those for which nothing was sent, by what stands in place of their batch.
    """

    rows: int = 0
    answered: int = 0
    cut_off: int = 0
    again: int = 0
    out_of_quota: int = 0
    first_row: int = 0
    last_row: int = -1
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unpaid: Counter[str] = field(default_factory=Counter)
    tokens: TokenCounts = field(default_factory=TokenCounts)
    dimensions: set[int] = field(default_factory=set)

    def add(self, batch: pa.RecordBatch) -> None:
        """Count one batch of outcomes."""
        rows = batch["row"]
        self.first_row = self.first_row if self.rows else rows[0].as_py()
        self.last_row = rows[-1].as_py()
        self.rows += batch.num_rows
        lacking = unanswered(batch)
        without = pc.sum(lacking).as_py() or 0
        self.answered += batch.num_rows - without
        self.cut_off += pc.sum(pc.and_not(pc.equal(batch["finish_reason"], "length"), lacking)).as_py() or 0
        if without:  # seldom, of a million rows
            count_reasons(self.reasons, batch)
        self.again += pc.sum(batch["again"]).as_py() or 0
        self.out_of_quota += pc.sum(pc.is_in(batch["error_code"], pa.array(sorted(OUT_OF_QUOTA)))).as_py() or 0
        free = batch["batch_id"].filter(pc.is_in(batch["batch_id"], pa.array(UNPAID)))
        self.unpaid.update(free.to_pylist())
        counted = pc.value_counts(batch["outcome"])
        self.outcomes.update(dict(zip(*(part.to_pylist() for part in counted.flatten()), strict=True)))
        self.tokens += TokenCounts(**{name: pc.sum(batch[name]).as_py() or 0 for name in COUNTS})
        if pa.types.is_list(batch["answer"].type):
            self.dimensions |= set(pc.unique(pc.list_value_length(batch["answer"])).drop_null().to_pylist())

    def summary(self) -> dict[str, Any]:
        """The fields of a `FetchedOutput` that are counted."""
        return {
            "outcomes": dict(sorted(self.outcomes.items())),
            "again": self.again,
            "out_of_quota": self.out_of_quota,
            "tokens": self.tokens,
            "dimensions": self.dimensions.copy().pop() if len(self.dimensions) == 1 else None,
            "first_row": self.first_row,
            "last_row": self.last_row,
        }


def read_outcomes(fetched: FetchedOutput, columns: Sequence[str] | None = None) -> pa.Table:
    """The outcomes of all items of an output; only the named columns, if any are named."""
    with open_outcomes(fetched, columns) as kept:
        return kept.table()


def open_outcomes(
    fetched: FetchedOutput, columns: Sequence[str] | None = None
) -> AbstractContextManager[KeptOutcomes]:
    """The same in an open file, to be read a record batch at a time."""
    return kept_outcomes(fetched.files, columns, name=fetched.kept_as)


def why_again(fetched: FetchedOutput) -> Counter[str]:
    """Why items are worth another try: OpenAI's code for each, or else what became of it."""
    if not fetched.again:
        return Counter()
    table = read_outcomes(fetched, ["again", "outcome", "error_code"])
    chosen = table.filter(table["again"])
    return Counter(pc.coalesce(chosen["error_code"], chosen["outcome"].cast(pa.string())).to_pylist())


def rows_worth_a_try(fetched: FetchedOutput, *, cancelled: bool = False) -> np.ndarray:
    """The numbers of the rows that are worth another try, ascending, as int64.

    Args:
        fetched: What one batch gave.
        cancelled: Whether rows that were cancelled count too.
    """
    if not (fetched.again or (cancelled and OutcomeKind.CANCELLED in fetched.outcomes)):
        return np.array([], dtype=np.int64)
    table = read_outcomes(fetched, ["row", "again", "outcome"])
    chosen = table["again"]
    if cancelled:
        chosen = pc.or_(chosen, pc.equal(table["outcome"], OutcomeKind.CANCELLED.value))
    return np.asarray(table.filter(chosen)["row"].to_numpy(), dtype=np.int64)
