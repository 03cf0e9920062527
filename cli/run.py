"""`run`: a table in, the same table with answers out."""

import shlex
from datetime import UTC, datetime
from hashlib import sha256
from inspect import signature
from typing import Any

import click

from ..batch import clock
from ..batch.jobs.job import IfExists, Job
from ..batch.jobs.opening import (
    absolute,
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
from ..batch.storage import Folder
from ..batch.tables.destinations import check_destination
from ..batch.tables.sources import FileSource, digest
from ..batch.tables.sql.sql_destination import SqlDestination
from ..batch.tables.table_formats import Format
from ..batch.urls import named_server
from . import process
from .destinations.destination_options import destination_options, identity, make_destination
from .reports.report_file import check_report_file, report_file, write_report_file
from .requests import make_request, make_source, request_options, table_options
from .run_options import run_options

EXIT_INCOMPLETE = 3


@click.command("run")
@click.argument("source")
@table_options
@click.option("--model", "-m", help="The model, or a template such as {{ model }}.")
@request_options
@destination_options("Where the table with answers goes.")
@click.option("--overwrite", is_flag=True, help="Replace the file if it exists.")
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
    source: str,
    request_file: str | None,
    storage: str | None,
    job_key: str | None,
    credentials: str | None,
    kind: Format | None,
    separator: str | None,
    types: tuple[str, ...],
    limit: int | None,
    report_file: str | None,
    *,
    overwrite: bool,
    detach: bool,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Send every row of SOURCE (CSV, Parquet or JSONL) to a model, and write the table with the answers.

    The same command typed again continues the same job; a finished one says so and pays nothing.
    """
    check_report_file(report_file)
    wishes = {name: given.pop(name) for name in RunOptions.model_fields if name in given}
    options = RunOptions(**wishes, wait="detach" if detach else "sensor")
    destination = make_destination(**{name: given.pop(name) for name in signature(make_destination).parameters})
    if overwrite and isinstance(destination, SqlDestination):
        raise click.UsageError("--overwrite is for files; of a table say --if-exists replace.")
    request = make_request(request_file, **given)
    table = make_source(source, kind=kind, separator=separator, types=types, limit=limit)
    if dry_run:
        from .dry_run import show_dry_run

        own = not overwrite and _is_known(table, request, destination, job_key, storage, credentials)
        show_dry_run(table, request, destination, options, overwrite=overwrite or own, as_json=as_json)
        return 0
    if destination is None:
        raise click.UsageError(
            "Say where the results go: --to answers.csv (or .parquet, .jsonl), or --to-sql NAME --to-table TABLE."
        )
    if detach and options.finish_by:
        raise click.UsageError("--finish-by is kept by a command that stays: leave out --detach.")
    if detach and report_file:
        raise click.UsageError("There is no report of a job that is left: give --report to the `resume` of it.")
    with waited_for(f"reading {source}"):
        content = digest(table)
    report = run_job(
        table,
        request,
        destination,
        job_key=job_key or _job_key(content, table, request, destination, credentials),
        storage=storage,
        credentials=credentials,
        if_exists="replace" if overwrite else "refuse",
        options=options,
        source_digest=content,
        verbose=verbose,
    )
    if report.finished_at is None:
        _show_open(report, storage)
        return 0
    show_report(report, storage, as_json=as_json)
    write_report_file(report_file, report.job_key, storage, credentials)
    return 0 if report.complete else EXIT_INCOMPLETE


def _is_known(
    table: FileSource,
    request: Request,
    destination: SqlDestination | str | None,
    job_key: str | None,
    storage: str | None,
    credentials: str | None,
) -> bool:
    """Whether the destination is there because this very command has begun its job before."""
    if destination is None:
        return False
    if isinstance(destination, str):
        check_destination(destination, "replace")
        if not Folder(absolute(destination)).exists():
            return False
    content = digest(table)
    key = job_key or _job_key(content, table, request, destination, credentials)
    place = storage or process.default_storage()
    wanted = describe_job(table, request, destination, job_key=key, storage=place, source_digest=content)
    known = find_known(wanted)
    if known is None:
        return with_table_found(wanted, "refuse").found is not None
    state = "is done already" if known.report() else "was begun already"
    click.echo(f"job {known.key} {state}: the same command goes on with it, or only says so", err=True)
    return True


def _job_key(
    content: str,
    table: FileSource,
    request: Request,
    destination: SqlDestination | str,
    credentials: str | None,
) -> str:
    """A key that the same command gives again, and a changed file, request, destination or server does not."""
    server = named_server()  # what another server has answered is not OpenAI's answer
    parts = [content, absolute(table.path), request.model_dump_json(), identity(destination), server]
    if credentials:
        parts.append(credentials)
    if read_as := table.model_dump(exclude={"path"}, exclude_none=True):
        parts.append(str(read_as))
    return f"run-{sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def run_job(
    table: FileSource,
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
) -> JobReport:
    """Run the flow in this process, with its progress on stderr; a finished job is only told of.

    What can be refused is refused before Prefect is started; it is the flow that opens the job.
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
        check_new_job(with_table_found(wanted, if_exists), if_exists)
    elif (report := known.report()) is not None:
        say_done(known)
        return report
    else:
        check_other_deadline(known, wanted.deadline)
    if credentials is None:
        process.check_key()
    click.echo(f"job {wanted.key} (folder {wanted.folder})", err=True)
    with process.flow_in_this_process(verbose=verbose), process.places_named(wanted.folder, wanted.table):
        from ..flows import openai_batch

        return openai_batch(
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


def say_done(job: Job) -> None:
    """Say that nothing is left to do of a job."""
    click.echo(f"job {job.key} is done already: nothing is sent (folder {job.folder})", err=True)


def _resumes(report: JobReport, storage: str | None, *options: str) -> str:
    """The command that takes the job up again."""
    place = ("--storage", storage) if storage else ()
    return f"`{shlex.join(('prefect-openai-batch', 'resume', report.job_key, *place, *options))}`"


def _show_open(report: JobReport, storage: str | None) -> None:
    """The key of a job that is left, what it has open, and how it goes on."""
    opened, unsent = len(report.open_batches), report.unsent_files
    click.echo(
        f"{opened} batch{'' if opened == 1 else 'es'} submitted"
        + (f", {unsent} more to go when they have ended" if unsent else "")
        + f"; {_resumes(report, storage)} collects the answers",
        err=True,
    )
    click.echo(report.job_key)


def show_report(report: JobReport, storage: str | None = None, *, as_json: bool) -> None:
    """The end of a job: for a program as JSON, for a person in a few lines."""
    if as_json:
        process.print_json(report.model_dump_json())
        return
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in report.outcomes.items()) or "there are none"
    assert report.finished_at is not None, "a job that is left is shown by its key"
    seconds = (report.finished_at - report.started_at).total_seconds()
    tokens = report.tokens
    click.echo(
        f"{report.answered:,} of {report.rows:,} rows answered ({outcomes}) in {len(report.batches)} "
        f"batch{'' if len(report.batches) == 1 else 'es'} and {seconds:,.0f} s\n"
        f"tokens: {tokens.input_tokens:,} in, {tokens.output_tokens:,} out\n"
        f"{'' if report.bill is None or not report.bill.models else f'cost: {report.bill}' + chr(10)}"
        f"results: {report.destination}"
    )
    if report.missing:
        click.echo(f"missing: {report.missing}" + (f"\nwhat helps: {report.way_out}" if report.way_out else ""))
    if report.files_left:
        click.echo(f"left at OpenAI: {len(report.files_left)} files, which this key may not delete; they expire")
    if report.files_kept:
        click.echo(
            f"kept at OpenAI: {len(report.files_kept)} files, of batches that say they finished rows of "
            "which nothing could be read; they expire"
        )
    if report.stopped:
        click.echo(f"stopped: {report.stopped}\n{_resumes(report, storage)} goes on with it")
    elif report.resumable and not report.complete:
        click.echo(f"{_resumes(report, storage)} sends those again that may succeed another time")
    if report.open_batches:
        click.echo(
            f"still open at OpenAI: {', '.join(report.open_batches)}; "
            f"collect them later with {_resumes(report, storage, '--collect-only')}"
        )
