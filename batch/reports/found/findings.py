"""What is found in the outcomes of a job, in one pass over its folder and in bounded memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ...jobs.job import Job
from ...outcomes.by_row.reasons import in_words, reasons_of, unanswered
from ...outcomes.outcome import OutcomeKind
from ...outcomes.outcome_columns import FIELDS
from ...requests.endpoints import Endpoint
from ..grids import brief
from .answer_spreads import AnswerSpread, answer_spreads, fields_of
from .histograms import Histogram
from .latest_rows import latest_rows

MOST_UNANSWERED = 500
"""So many rows without an answer are listed: Prefect's page of a larger table takes seconds."""

TOKENS = ("input_tokens", "output_tokens", "reasoning_tokens")


@dataclass(frozen=True)
class UnansweredRow:
    """A row without an answer: its number from 1, and why."""

    row: int
    custom_id: str
    outcome: str
    why: str
    message: str


@dataclass(frozen=True)
class Findings:
    """What is found in the outcomes of a job: each row is counted once, by its latest outcome.

    Attributes:
        rows: How many rows there are.
        without_answer: How many have none.
        unanswered: The first of those, at most `MOST_UNANSWERED`.
        tokens: How the tokens of an answer are spread, by the name of their count.
        answers: How the answers are spread, field by field.
    """

    rows: int
    without_answer: int
    unanswered: tuple[UnansweredRow, ...]
    tokens: dict[str, Histogram]
    answers: tuple[AnswerSpread, ...]


def find(job: Job) -> Findings:
    """Look through the outcomes of a job, a few thousand rows at a time.

    Raises:
        SourceError: the rows of the job were not read.
    """
    vectors = job.request.endpoint == Endpoint.EMBEDDINGS
    tokens = {name: Histogram() for name in TOKENS}
    spreads = answer_spreads(job.request.answer_type, texts=not vectors)
    columns = ("custom_id", "finish_reason", *TOKENS, FIELDS, *(() if vectors else ("answer",)))
    rows = without = 0
    listed: list[UnansweredRow] = []
    for outcomes in latest_rows(job, columns, job.kept_rows("find").rows):
        rows += outcomes.num_rows
        for name, histogram in tokens.items():
            histogram.add(outcomes[name].drop_null().to_numpy(zero_copy_only=False))
        lacking = _unfinished(outcomes) if vectors else unanswered(outcomes)
        _add_answers(spreads, outcomes, pc.invert(lacking))
        missing = outcomes.filter(lacking)
        without += missing.num_rows
        listed += _listed(missing.slice(0, MOST_UNANSWERED - len(listed)))
    return Findings(rows, without, tuple(listed), tokens, spreads)


def _unfinished(outcomes: pa.RecordBatch) -> pa.Array:
    """Which rows have no vector: those that did not succeed, for the vectors are not read."""
    return pc.not_equal(outcomes["outcome"], OutcomeKind.SUCCEEDED.value)


def _add_answers(spreads: Sequence[AnswerSpread], outcomes: pa.RecordBatch, answered: pa.Array) -> None:
    if not spreads:
        return
    there = outcomes.filter(answered)
    typed = FIELDS in outcomes.schema.names
    values = dict(fields_of(there, FIELDS)) if typed else {"answer": there["answer"]}
    for spread in spreads:
        spread.add(values[spread.name])


def _listed(missing: pa.RecordBatch) -> list[UnansweredRow]:
    reasons = reasons_of(missing).to_pylist()
    names = ("row", "custom_id", "outcome", "error_message")
    told = zip(*(missing[name].to_pylist() for name in names), reasons, strict=True)
    return [
        UnansweredRow(row + 1, custom_id or "", outcome, in_words(reason), brief(message or ""))
        for row, custom_id, outcome, message, reason in told
    ]
