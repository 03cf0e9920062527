"""Which rows go into a round: at first all of them, later those that are worth another try."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..files.batches import Batch
from ..files.input_files import InputFile
from ..files.kept_tables import keep_table
from ..files.unpaid import COPY, STORE
from ..leases import Lease
from ..limits import MAX_ITEMS
from ..outcomes.outcome_files import FetchedOutput, rows_worth_a_try
from ..side_by_side import side_by_side
from ..tables.parts import RowNumbers
from .building import selected_rows
from .job import PLANNING, Job, Plan, Selection
from .report import JobReport
from .stops import RESUMED, Resumed
from .submissions import begun, fetched, submitted


def plan_round(job: Job, number: int = 1, *, resumed: bool = False) -> tuple[Selection, ...]:
    """The selections of a round, the same on every start; none where nothing is worth another try.

    Args:
        job: The job.
        number: The round, from 1.
        resumed: Whether rows go again too that were cancelled, in whichever round.

    Raises:
        SourceError: the rows of the job were not read.

    Example:
        ```python
        from prefect_openai_batch import open_job, plan_round, read_source

        job = open_job("reviews.csv", "label_reviews.yaml", job_key="reviews", storage="jobs")
        read_source(job)
        print([selection.rows for selection in plan_round(job)])
        ```
    """
    if number == 1:
        parts = job.kept_rows("plan_round").parts
        return tuple(_selection(job, 1, part.number, part.rows) for part in parts)
    planned = _plan(job, number)
    if planned is not None:
        return planned.selections
    return _record(job, number, [unanswered_rows(job)] if resumed else _of_round(job, number - 1))


def plan_answers(job: Job, number: int) -> tuple[Selection, ...]:
    """The selections of a round that is answered at once: rows without an answer that no open batch holds.

    What was planned so once is not planned so again, be it asked yet or not. One process at a time plans: two
    would give the same rows to two rounds, and each be paid for them.
    """
    if not len(_rows_to_answer(job)):
        return ()
    lease = Lease(job.files, PLANNING, f"plans what of the job {job.key} is answered at once")
    planned = lease.take(partial(_plan, job, number))
    if planned is not None:
        return planned.selections
    try:
        return plan_rows(job, number, _rows_to_answer(job))
    finally:
        lease.give_back()


def rounds_to_answer(job: Job) -> list[int]:
    """The rounds that were planned to be answered at once, and are not answered to their end."""
    return [number for number in job.rounds() if job.is_synchronous(number) and not _is_answered(job, number)]


def plan_rows(job: Job, number: int, rows: RowNumbers) -> tuple[Selection, ...]:
    """The selections of a round of just these rows, which are asked by the synchronous API."""
    return _record(job, number, [rows], synchronous=True)


def unanswered_rows(job: Job) -> np.ndarray:
    """The rows that have no answer, in whichever round, and that no open batch holds; ascending, as int64.

    Rows whose last outcome is final are not among them, cancelled ones are. Memory takes a byte a row.
    """
    waiting = np.ones(_count(job), dtype=bool)
    for file in job.unsent():
        waiting[_rows_of(file)] = False  # copies go with the row that is sent for them
        if (output := fetched(file)) is not None and output.batch.id == STORE:
            waiting[rows_worth_a_try(output)] = True
    for file in sorted(job.input_files(), key=lambda file: (file.round, file.name)):
        output = fetched(file)
        waiting[_rows_of(file)] = output is None and submitted(file) is None
        if output is not None:
            waiting[rows_worth_a_try(output, cancelled=True)] = True
    return np.flatnonzero(waiting)


def last_planned(job: Job) -> int:
    """The number of the last round that was planned: what earlier ones have not sent goes there alone."""
    return max((number for number in job.rounds() if job.round_folder(number).exists("plan.json")), default=1)


class Whereabouts(NamedTuple):
    """Where input files are on their way.

    Attributes:
        outputs: What was fetched for those of which anything is recorded; None: nothing yet.
        opened: The batches whose output is still to be fetched.
        unsent: Those without a batch that are still to be sent.
    """

    outputs: list[tuple[InputFile, FetchedOutput | None]]
    opened: list[Batch]
    unsent: list[InputFile]


def whereabouts(job: Job, number: int | None = None) -> Whereabouts:
    """Where the input files of a round are, or all of a job; each record that is there is read once."""
    files = job.input_files() if number is None else job.input_files_of(number)
    outputs = side_by_side(fetched, begun(job.files / "rounds", files))
    unfetched = [file for file, output in outputs if output is None]
    batches = {file.folder: batch for file, batch in side_by_side(submitted, unfetched)}
    done = {file.folder for file, _ in outputs if batches.get(file.folder, True)}
    last = last_planned(job)
    return Whereabouts(
        outputs,
        opened=[batch for batch in batches.values() if batch is not None],
        unsent=[file for file in files if file.folder not in done and file.round >= last],
    )


def stop_if_out_of_quota(job: Job, number: int) -> None:
    """Stop a job if a round's records say that the account cannot pay, and nobody has resumed it since."""
    resumed = job.files.read(RESUMED, Resumed)
    if resumed is not None and number <= resumed.rounds:
        return
    outputs = map(fetched, job.input_files_of(number))
    if any(output is not None and output.out_of_quota for output in outputs):
        job.stop("insufficient_quota", "OpenAI answers that the account's quota is used up.")


def finished_report(job: Job) -> JobReport | None:
    """The report of a job that is done, its table there, where no row is worth another try; else None."""
    report = job.report()
    if report is None or report.complete:
        return report
    return None if len(unanswered_rows(job)) else report


def _plan(job: Job, number: int) -> Plan | None:
    return job.round_folder(number).read("plan.json", Plan)


def _rows_to_answer(job: Job) -> np.ndarray:
    """The unanswered rows that no synchronous round has."""
    waiting = np.zeros(_count(job), dtype=bool)
    waiting[unanswered_rows(job)] = True
    for plan in map(partial(_plan, job), job.rounds()):
        if plan is not None and plan.synchronous:
            for selection in plan.selections:
                waiting[selected_rows(job, selection)] = False
    return np.flatnonzero(waiting)


def _is_answered(job: Job, number: int) -> bool:
    built = side_by_side(job.built, plan_round(job, number))
    return all(files is not None and all(map(fetched, files)) for _, files in built)


def _count(job: Job) -> int:
    rows = job.rows()
    return rows.rows if rows else 0


def _rows_of(file: InputFile) -> np.ndarray:
    return np.asarray(file.read_items()["row"].to_numpy(), dtype=np.int64)


def _of_round(job: Job, number: int) -> Iterator[np.ndarray]:
    """The rows of a round that are worth another try, an output at a time."""
    taken = job.unsent() if number == 1 else []
    for output in map(fetched, [*job.input_files_of(number), *taken]):
        if output is not None and output.batch.id != COPY:
            yield rows_worth_a_try(output)


def _record(
    job: Job, number: int, rows: Iterable[np.ndarray], *, synchronous: bool = False
) -> tuple[Selection, ...]:
    """Record the selections of a round made of these row numbers; a round of no rows is not recorded."""
    plan = Plan(selections=tuple(_write_selections(job, number, rows)), synchronous=synchronous)
    if plan.selections:
        job.round_folder(number).write("plan.json", plan)
    return plan.selections


def _selection(job: Job, round_number: int, number: int, rows: int) -> Selection:
    return Selection(job_folder=job.folder, job_key=job.key, round=round_number, number=number, rows=rows)


def _write_selections(job: Job, number: int, rows: Iterable[np.ndarray]) -> Iterator[Selection]:
    waiting = np.array([], dtype=np.int64)
    made = 0
    for more in rows:
        waiting = np.concatenate([waiting, more])
        while len(waiting) >= MAX_ITEMS:
            yield _write_selection(job, number, made, waiting[:MAX_ITEMS])
            waiting, made = waiting[MAX_ITEMS:], made + 1
    if len(waiting):
        yield _write_selection(job, number, made, waiting)


def _write_selection(job: Job, round_number: int, number: int, rows: np.ndarray) -> Selection:
    selection = _selection(job, round_number, number, len(rows))
    table = pa.table({"row": np.sort(rows)})
    keep_table(job.round_folder(round_number), f"{selection.name}.rows.parquet", table)
    return selection
