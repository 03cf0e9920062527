"""`run --dry-run`: everything built and checked, nothing sent."""

from datetime import UTC, datetime
from tempfile import TemporaryDirectory

import click
import orjson

from ..batch import clock
from ..batch.answer_store.answers import Answers
from ..batch.files.input_files import INPUT, InputFile
from ..batch.flight.bounds import told_of_small_files
from ..batch.jobs.building import build_selection
from ..batch.jobs.job import Job
from ..batch.jobs.only_new.window import OnlyNew, store_of, window_of
from ..batch.jobs.opening import open_job
from ..batch.jobs.options import RunOptions
from ..batch.jobs.rounds import plan_round
from ..batch.jobs.rows import keep_rows
from ..batch.money.budgets import check_budget
from ..batch.money.estimates import Estimate, estimate_files
from ..batch.prices import Given
from ..batch.requests.request import Request
from ..batch.tables.any_source import Source
from ..batch.tables.sql.sql_destination import SqlDestination
from ..batch.words import counted
from . import process
from .answers.store_now import StoreNow, store_now
from .databases.sql_options import connecting

SHOWN = 3


def show_dry_run(
    table: Source,
    request: Request,
    destination: SqlDestination | str | None,
    options: RunOptions,
    credentials: str | None = None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Build the job in a temporary folder and print its first items, its size and what it would cost.

    Raises:
        BudgetError: the budget cannot hold.
    """
    with (
        TemporaryDirectory() as storage,
        connecting(table) as connect,
        store_now(options, credentials) as now,
    ):
        if now is not None and not now.is_there:
            click.echo(f"there is no answer store {now.name} yet: a run makes it", err=True)
        job = open_job(
            table,
            request,
            destination,
            job_key="dry-run",
            storage=storage,
            if_exists="replace" if overwrite else "refuse",
            deadline=options.deadline(datetime.fromtimestamp(clock.now(), UTC)),
            connect=connect,
        ).with_terms(options.terms(_prices(credentials)))
        asking, store = _asking(job, options, now), now and now.store
        if table.watermark is not None:
            store_of(asking)
        rows = keep_rows(job, connect, _only_new(job, options, now))
        if job.into is not None and not overwrite:
            _check_table(job)
        told = window.told if (window := window_of(job)) else ""
        files = [file for selection in plan_round(job) for file in build_selection(asking, selection, store=store)]
        unsent = sum(file.items for file in asking.unsent())
        first = _first_items(files)
        estimate = _estimate(job, options)
    size = sum(file.bytes for file in files)
    if as_json:
        summary = {
            "rows": rows.rows,
            "input_files": len(files),
            "bytes": size,
            "first_items": first,
            "unsent": unsent,
        }
        foretold = estimate.model_dump(mode="json")
        process.print_json(orjson.dumps({**summary, "estimate": foretold}).decode())
        return
    for item in first:
        process.print_json(orjson.dumps(item, option=orjson.OPT_INDENT_2).decode())
    if told:
        click.echo(f"taken: {told}")
    click.echo(
        f"{counted(rows.rows, 'row')} make{'s' if rows.rows == 1 else ''} {counted(len(files), 'input file')} "
        f"of {size:,} bytes in all: {estimate}. Nothing was sent."
        + (
            f" No item is needed for {counted(unsent, 'row')}, answered before or by another row."
            if unsent
            else ""
        )
    )
    if slow := told_of_small_files(files, job.terms.max_enqueued_tokens):
        click.echo(f"{slow}.", err=True)


def _check_table(job: Job) -> None:
    from ..tasks.databases import check_table

    with process.prefect_in_this_process():  # the database may be a block's
        check_table.fn(job)


def _prices(credentials: str | None) -> Given:
    """Those of the credentials block, which a run counts with.

    Raises:
        AccessError: there is no such block.
    """
    if not credentials:
        return ()
    from ..blocks import load_credentials

    with process.prefect_in_this_process():
        return load_credentials(credentials).prices


def _asking(job: Job, options: RunOptions, now: StoreNow | None) -> Job:
    """The job with what it would find in its answer store now."""
    if now is None:
        return job.with_answers(None, deduplicate=options.deduplicate)
    opening = now.store.now(options.max_answer_age_days)
    answers = Answers(store=now.name, server=now.server, opening=opening)
    return job.with_answers(answers, deduplicate=options.deduplicate)


def _only_new(job: Job, options: RunOptions, now: StoreNow | None) -> OnlyNew | None:
    """How the new rows of a source with a watermark are told."""
    if job.source.watermark is None or now is None:
        return None
    from ..batch.answer_store.kept_marks import KeptMarks

    return OnlyNew(KeptMarks(now.store), now.server, options.full)


def _estimate(job: Job, options: RunOptions) -> Estimate:
    check_budget(job, answers_rest=bool(options.finish_by) and options.answer_rest)
    return estimate_files(job.input_files(), job.terms.prices)


def _first_items(files: list[InputFile]) -> list[object]:
    if not files:
        return []
    with files[0].files.open(INPUT) as lines:
        return [orjson.loads(line) for _, line in zip(range(SHOWN), lines, strict=False)]
