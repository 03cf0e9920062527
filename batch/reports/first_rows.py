"""The first rows of a job, each with its answer."""

from typing import Any

import pyarrow as pa

from ..jobs.job import Job
from ..outcomes.by_row.reasons import in_words, reasons_of, unanswered
from ..outcomes.outcome_columns import FIELDS
from ..tables.json_values import json_values
from ..tables.parts import read_rows
from .asked_rows import asked_rows
from .found.answer_spreads import fields_of
from .found.latest_rows import latest_rows
from .grids import Grid, brief

SHOWN = 8
"""So many rows are shown."""

COLUMNS = 6
"""Of so many fields each has a column of its own; of more they share one, as JSON."""

LONG = 120
"""So many characters of a text are shown: the table has them all."""

NULL = "—"


def first_rows(job: Job) -> Grid | None:
    """The first rows: what was asked, and what was answered or why it was not; None where there is no row."""
    count = min(SHOWN, job.kept_rows("first_rows").rows)
    if not count:
        return None
    rows = pa.Table.from_batches([next(read_rows(job.files, 0)).slice(0, count)])
    asked = asked_rows(job, rows)
    (outcomes,) = latest_rows(job, ("answer", "finish_reason", FIELDS), rows.num_rows)
    columns = _answers(outcomes)
    lacking, reasons = unanswered(outcomes).to_pylist(), reasons_of(outcomes).to_pylist()
    first, *others = columns.values()
    why = [in_words(reason) if lacks else "" for lacks, reason in zip(lacking, reasons, strict=True)]
    told = zip(lacking, why, first, *others, strict=True)
    cells = [(reason, *("" for _ in others)) if lacks else answer for lacks, reason, *answer in told]
    lines = tuple(
        (f"{place + 1:,}", _cut(text), *answer)
        for place, (text, answer) in enumerate(zip(asked.texts, cells, strict=True))
    )
    return Grid(("row", asked.columns, *map(brief, columns)), lines, frozenset({0}), asked=1)


def _answers(outcomes: pa.RecordBatch) -> dict[str, list[str]]:
    """The columns that show the answers, by their names."""
    typed = FIELDS in outcomes.schema.names
    fields = dict(fields_of(outcomes, FIELDS)) if typed else {}
    shown = fields if 0 < len(fields) <= COLUMNS else {"answer": outcomes["answer"]}
    return {name: [_said(value) for value in json_values(column)] for name, column in shown.items()}


def _said(value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{len(value):,} numbers" if getattr(value, "ndim", 0) else _cut(brief(value)) or '""'


def _cut(said: str) -> str:
    return said if len(said) <= LONG else f"{said[: LONG - 1]}…"
