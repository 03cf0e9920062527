"""`run --dry-run`: everything built and checked, nothing sent."""

from tempfile import TemporaryDirectory

import click
import orjson

from ..batch.files.input_files import INPUT, InputFile
from ..batch.jobs.building import build_selection
from ..batch.jobs.job import Job
from ..batch.jobs.opening import open_job
from ..batch.jobs.options import RunOptions
from ..batch.jobs.rounds import plan_round
from ..batch.jobs.rows import keep_rows
from ..batch.money.budgets import check_budget
from ..batch.money.estimates import Estimate, estimate_files
from ..batch.requests.request import Request
from ..batch.tables.sources import FileSource
from ..batch.tables.sql.sql_destination import SqlDestination
from . import process

SHOWN = 3


def show_dry_run(
    table: FileSource,
    request: Request,
    destination: SqlDestination | str | None,
    options: RunOptions,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Build the job in a temporary folder and print its first items, its size and what it would cost.

    Raises:
        BudgetError: the budget cannot hold.
    """
    with TemporaryDirectory() as storage:
        job = open_job(
            table,
            request,
            destination,
            job_key="dry-run",
            storage=storage,
            if_exists="replace" if overwrite else "refuse",
        )
        rows = keep_rows(job)
        if job.into is not None and not overwrite:
            _check_table(job)
        files = [file for selection in plan_round(job) for file in build_selection(job, selection)]
        first = _first_items(files)
        estimate = _estimate(job.with_terms(options.terms()), options)
    size = sum(file.bytes for file in files)
    if as_json:
        summary = {"rows": rows.rows, "input_files": len(files), "bytes": size, "first_items": first}
        foretold = estimate.model_dump(mode="json")
        process.print_json(orjson.dumps({**summary, "estimate": foretold}).decode())
        return
    for item in first:
        process.print_json(orjson.dumps(item, option=orjson.OPT_INDENT_2).decode())
    click.echo(
        f"{rows.rows:,} rows make {len(files)} input file{'' if len(files) == 1 else 's'} "
        f"of {size:,} bytes in all: {estimate}. Nothing was sent."
    )


def _check_table(job: Job) -> None:
    from ..tasks.databases import check_table

    with process.prefect_in_this_process():  # the database may be a block's
        check_table.fn(job)


def _estimate(job: Job, options: RunOptions) -> Estimate:
    check_budget(job, answers_rest=bool(options.finish_by) and options.answer_rest)
    return estimate_files(job.input_files(), job.terms.prices)


def _first_items(files: list[InputFile]) -> list[object]:
    if not files:
        return []
    with files[0].files.open(INPUT) as lines:
        return [orjson.loads(line) for _, line in zip(range(SHOWN), lines, strict=False)]
