"""`run`: a table in, the same table with answers out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from inspect import signature
from typing import Any

import click

from ..batch import clock
from ..batch.errors import Refused
from ..batch.jobs.job import IfExists, Job
from ..batch.jobs.only_new.appending import check_keeps_earlier_rows
from ..batch.jobs.opening import (
    check_new_job,
    check_other_deadline,
    describe_job,
    find_known,
    with_table_found,
)
from ..batch.jobs.options import RunOptions
from ..batch.jobs.report import JobReport
from ..batch.progress import waited_for
from ..batch.requests.request import Request
from ..batch.storage.locations import absolute
from ..batch.tables.any_source import Source, path_of
from ..batch.tables.destinations import check_destination, is_taken
from ..batch.tables.sql.sql_destination import SqlDestination
from . import process
from .answers.store_now import mark_now, say_if_new
from .command_keys import content_of, next_key
from .databases.sql_options import connect_early
from .databases.watermark_options import WATERMARK_OPTIONS, watermark_options, with_watermark
from .destinations.destination_options import destination_options, make_destination
from .destinations.scheduled_days import key_of_today, of_today
from .reports.ended_jobs import EXIT_INCOMPLETE, say_done, show_open, show_report
from .reports.report_file import check_report_file, report_file, write_report_file
from .requests import TABLE_OPTIONS, make_request, make_source, request_options, table_options
from .run_options import run_options


@click.command("run")
@click.argument("source", required=False)
@table_options
@watermark_options
@click.option("--model", "-m", help="The model, or a template such as {{ model }}.")
@request_options
@destination_options("Where the table with answers goes: a file, or a folder, out/.")
@click.option("--overwrite", is_flag=True, help="Replace the file or folder if it exists.")
@click.option("--job-key", help="Names the job.  [default: a digest of source, request and destination]")
@run_options(
    *(
        "in_flight",
        "max_enqueued_tokens",
        "max_rounds",
        "min_answered",
        "finish_by",
        "cancel_lead_minutes",
        "answer_rest",
    ),
    *("poll_seconds", "max_poll_seconds", "settle_seconds", "budget_usd", "price_in", "price_out"),
    *("answers", "max_answer_age_days", "deduplicate", "full", "keep_days"),
)
@click.option(
    "--detach", is_flag=True, help="Submit, print the job's key and end; `resume JOB` collects the answers."
)
@process.storage
@process.credentials
@process.base_url
@click.option("--dry-run", is_flag=True, help="Build and check everything, send nothing, show the first items.")
@click.option("--json", "as_json", is_flag=True, help="Print the job report as JSON on stdout.")
@report_file
@process.verbose
def run_command(
    source: str | None,
    request_file: str | None,
    storage: str | None,
    job_key: str | None,
    credentials: str | None,
    report_file: str | None,
    *,
    overwrite: bool,
    detach: bool,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Send every row of SOURCE to a model, and write the table with the answers.

    SOURCE is a file (CSV, Parquet, JSONL, Excel, Arrow), or many that are one table: a folder, or a quoted glob.

    The rows may come from a database instead: --from-sql NAME with --query or --table.

    The same command typed again continues the same job; a finished one says so and pays nothing.
    """
    process.quieten(verbose=verbose)
    check_report_file(report_file)
    wishes = {name: given.pop(name) for name in RunOptions.model_fields if name in given}
    options = RunOptions(**wishes, wait="detach" if detach else "sensor")
    whole = make_source(source, **{name: given.pop(name) for name in TABLE_OPTIONS})
    table = with_watermark(whole, **{name: given.pop(name) for name in WATERMARK_OPTIONS})
    destination = make_destination(**{name: given.pop(name) for name in signature(make_destination).parameters})
    (table, destination), job_key = of_today(table, destination), key_of_today(job_key)
    if overwrite and isinstance(destination, SqlDestination):
        raise click.UsageError("--overwrite is for files; of a table say --if-exists replace.")
    if overwrite:
        check_keeps_earlier_rows(table, destination, "replace")
    if options.full and table.watermark is None:
        raise click.UsageError("--full is for a run of new rows: name their column by --watermark.")
    if detach and options.finish_by:
        raise click.UsageError("--finish-by is kept by a command that stays: leave out --detach.")
    if detach and report_file:
        raise click.UsageError("There is no report of a job that is left: give --report to the `resume` of it.")
    request = make_request(request_file, **given)
    if dry_run:
        from .dry_run import show_dry_run

        if storage:
            process.check_storage(storage)
        if job_key and destination is not None:
            content, place = content_of(table), storage or process.default_storage()
            find_known(
                describe_job(table, request, destination, job_key=job_key, storage=place, source_digest=content)
            )
        own = not overwrite and _is_known(table, request, destination, job_key, storage, options, credentials)
        show_dry_run(
            table, request, destination, options, credentials, overwrite=overwrite or own, as_json=as_json
        )
        return 0
    if destination is None:
        raise click.UsageError(
            "Say where the results go: --to answers.csv (or .parquet, .jsonl, or a folder: answers/), or --to-sql "
            "NAME --to-table TABLE."
        )
    with waited_for(f"reading {table.name}"):
        content = content_of(table)
        key = job_key or _key(content, table, request, destination, storage, options, credentials)
    report, was_done = run_job(
        table,
        request,
        destination,
        job_key=key,
        storage=storage,
        credentials=credentials,
        if_exists="replace" if overwrite else "refuse",
        options=options,
        source_digest=content,
        verbose=verbose,
    )
    if report.finished_at is None:
        show_open(report, storage, as_json=as_json)
        return 0
    show_report(report, storage, as_json=as_json, was_done=was_done)
    write_report_file(report_file, report.job_key, storage, credentials)
    return 0 if report.complete else EXIT_INCOMPLETE


def _is_known(
    table: Source,
    request: Request,
    destination: SqlDestination | str | None,
    job_key: str | None,
    storage: str | None,
    options: RunOptions,
    credentials: str | None,
) -> bool:
    """Whether the destination is there because this very command has begun its job before."""
    if destination is None:
        return False
    if isinstance(destination, str):
        check_destination(destination, "replace")
        if not is_taken(absolute(destination)):
            return False
    content, place = content_of(table), storage or process.default_storage()
    key = job_key or _key(content, table, request, destination, storage, options, credentials)
    wanted = describe_job(table, request, destination, job_key=key, storage=place, source_digest=content)
    known = find_known(wanted)
    if known is None:
        return wanted.into is None and _may_be_its_own(wanted)
    state = "is done already" if known.report() else "was begun already"
    click.echo(f"job {known.key} {state}: the same command goes on with it, or only says so", err=True)
    return True


def _key(
    content: str | None,
    table: Source,
    request: Request,
    destination: SqlDestination | str,
    storage: str | None,
    options: RunOptions,
    credentials: str | None,
) -> str:
    """The key of this very command's job."""
    mark, place = mark_now(table, request, options, credentials), storage or process.default_storage()
    return next_key(content, mark, table, request, destination, credentials, place, full=options.full)


def run_job(
    table: Source,
    request: Request,
    destination: SqlDestination | str,
    *,
    job_key: str,
    storage: str | None,
    if_exists: IfExists,
    options: RunOptions,
    source_digest: str | None = None,
    credentials: str | None = None,
    verbose: bool = False,
) -> tuple[JobReport, bool]:
    """Run the flow in this process, with its progress on stderr; a finished job is only told of.

    What can be refused is refused before Prefect is started; it is the flow that opens the job.

    Returns:
        The report, and whether the job was finished before.
    """
    process.quieten(verbose=verbose)
    place = storage or process.default_storage()
    with waited_for(f"looking into {place}"):
        process.check_storage(place)
        wanted = describe_job(
            table,
            request,
            destination,
            job_key=job_key,
            storage=place,
            source_digest=source_digest,
            deadline=options.deadline(datetime.fromtimestamp(clock.now(), UTC)),
        )
        known = find_known(wanted)
    if known is None:
        with waited_for(f"looking into {table.name}"):
            _check_new_job(wanted, if_exists)
    elif (report := known.report()) is not None:
        say_done(known)
        return report, True
    else:
        check_other_deadline(known, wanted.deadline)
    if not credentials:
        process.check_key()
    click.echo(f"job {wanted.key} (folder {wanted.folder})", err=True)
    if known is None:
        say_if_new(options.answers)
    with (
        process.flow_in_this_process(verbose=verbose),
        process.places_named(wanted.folder, wanted.table),
        _nothing_left_said(wanted),
    ):
        from ..flows import openai_batch

        report = openai_batch(
            table,
            request,
            destination,
            job_key=job_key,
            storage=place,
            credentials=credentials,
            if_exists=if_exists,
            options=options,
            source_digest=source_digest,
        )
    return report, False


@contextmanager
def _nothing_left_said(job: Job) -> Iterator[None]:
    """Let a refusal take back that there is a job in its folder, where nothing of it is left."""
    try:
        yield
    except Refused as error:
        if not job.files.exists():
            error.add_note(f"Nothing was sent, and nothing is left of the job {job.key}.")
        raise


def _may_be_its_own(wanted: Job) -> bool:
    """Whether the destination's table may be the job's; of a database that a block names the flow finds out."""
    connect = connect_early(wanted.source)
    is_to_be_asked = connect is None and path_of(wanted.source) is None
    return is_to_be_asked or with_table_found(wanted, "refuse", connect).found is not None


def _check_new_job(wanted: Job, if_exists: IfExists) -> None:
    """Refuse what cannot be begun; where a block names the database, the flow does."""
    connect = connect_early(wanted.source)
    if connect is not None or path_of(wanted.source) is not None:
        check_new_job(with_table_found(wanted, if_exists, connect), if_exists, connect)
