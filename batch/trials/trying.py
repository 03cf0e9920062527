"""The way of a trial: the table built, its sample asked, and what came of it."""

from collections.abc import Callable

import pandas as pd
import pyarrow as pa
from pydantic import Field

from ..errors import RequestError
from ..files.input_files import InputFile
from ..jobs.job import Job
from ..jobs.terms import Terms
from ..outcomes.outcome_files import FetchedOutput
from ..progress import report as report_progress
from ..reports.asked_rows import asked_rows, read_columns
from ..storage.records import Record
from ..tables.json_values import row_values
from ..tables.parts import read_schema, read_selected_rows
from ..tables.sql.sql_reading import Connect
from .candidate_answers import CandidateAnswers
from .candidates import Candidate, Prepared, prepare
from .samples import ROWS
from .shown.report_blocks import blocks_of
from .trial import Trial
from .trial_report import make_report

Ask = Callable[[Job, InputFile], FetchedOutput]
"""Asks the items of an input file, one by one."""


class Wishes(Record):
    """What is tried: how many rows, which ones, with which models, what is expected, and at which prices."""

    rows: int = ROWS
    models: tuple[str, ...] = ()
    expected: dict[str, str] = Field(default_factory=dict)
    seed: int = 0
    first: bool = False
    terms: Terms = Terms()


def check_wishes(rows: int, seed: int) -> None:
    """Refuse what chooses no rows.

    Raises:
        RequestError: less than one row is wanted, or the seed is negative.
    """
    for name, value, least in (("rows", rows, 1), ("seed", seed, 0)):
        if value < least:
            raise RequestError(f"{name}={value}: a trial takes {least} or more.", field=name)


def try_job(
    job: Job, wishes: Wishes, ask: Ask, frame: pd.DataFrame | None = None, connect: Connect | None = None
) -> Trial:
    """Try some rows of a job that was just opened, in a folder that is nobody else's.

    Args:
        job: The job; its request asks the first of the models, where any is named.
        wishes: What is tried.
        ask: Asks the items of an input file.
        frame: The rows, where they came as a frame; the trial keeps its index and types.
        connect: Makes an engine for a database by its name, where the table is in one.

    Raises:
        Refused: the table cannot be read or built, or nothing is there of what is expected; nothing was asked.
    """
    prepared = prepare(
        job,
        wishes.models,
        wishes.rows,
        wishes.expected,
        seed=wishes.seed,
        first=wishes.first,
        connect=connect,
    )
    report_progress("answer", total=len(prepared.sample) * len(prepared.candidates), done=0)
    answers = tuple(_asked(prepared, candidate, ask) for candidate in prepared.candidates)
    rows = _rows(job, prepared)
    columns = {name: _values(rows, name) for name in wishes.expected.values()}
    report = make_report(prepared, answers, wishes.expected, columns)
    return Trial(
        report,
        rows.to_pandas(ignore_metadata=True).set_axis(prepared.sample)
        if frame is None
        else frame.iloc[prepared.sample],
        {one.name: one.results for one in answers},
        tuple(blocks_of(report, answers, asked_rows(job, rows))),
        tuple(prepared.sample.tolist()),
        rows.select(read_columns(job, rows)),
    )


def _asked(prepared: Prepared, candidate: Candidate, ask: Ask) -> CandidateAnswers:
    outputs = tuple(ask(candidate.job, file) for file in candidate.files)
    return CandidateAnswers(prepared.name_of(candidate), candidate, outputs)


def _rows(job: Job, prepared: Prepared) -> pa.Table:
    batches = [batch for _, batch in read_selected_rows(job.files, prepared.sample)]
    return pa.Table.from_batches(batches, schema=read_schema(job.files))


def _values(rows: pa.Table, name: str) -> list[object]:
    return row_values(rows[name].combine_chunks())
