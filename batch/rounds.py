"""Which rows go into a round: at first all of them, later those that are worth another try."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .endpoints import MAX_ITEMS
from .jobs import Job, Plan, Selection, fetched
from .outcome_files import rows_worth_a_try


def plan_round(job: Job, number: int = 1) -> tuple[Selection, ...]:
    """The selections of a round, the same on every start; none where nothing is worth another try."""
    if number == 1:
        rows = job.rows()
        assert rows is not None, "the rows are read before a round is planned"
        return tuple(_selection(job, 1, part.number, part.rows) for part in rows.parts)
    folder = job.round_folder(number)
    plan = folder.read("plan.json", Plan)
    if plan is None:
        plan = Plan(selections=tuple(_write_selections(job, number)))
        folder.write("plan.json", plan)
    return plan.selections


def _selection(job: Job, round_number: int, number: int, rows: int) -> Selection:
    return Selection(job_folder=job.folder, job_key=job.key, round=round_number, number=number, rows=rows)


def _write_selections(job: Job, number: int) -> Iterator[Selection]:
    waiting = np.array([], dtype=np.int64)
    made = 0
    for output in map(fetched, (file for file in job.input_files() if file.round == number - 1)):
        if output is not None:
            waiting = np.concatenate([waiting, rows_worth_a_try(output)])
        while len(waiting) >= MAX_ITEMS:
            yield _write_selection(job, number, made, waiting[:MAX_ITEMS])
            waiting, made = waiting[MAX_ITEMS:], made + 1
    if len(waiting):
        yield _write_selection(job, number, made, waiting)


def _write_selection(job: Job, round_number: int, number: int, rows: np.ndarray) -> Selection:
    selection = _selection(job, round_number, number, len(rows))
    with job.round_folder(round_number).create(f"{selection.name}.rows.parquet") as file:
        pq.write_table(pa.table({"row": np.sort(rows)}), file)
    return selection
