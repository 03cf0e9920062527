"""`run`: a table in, the same table with answers out."""

import os
from hashlib import sha256
from typing import Any

import click

from ..batch.jobs.job import IfExists, Job
from ..batch.jobs.opening import absolute, open_job
from ..batch.jobs.report import JobReport
from ..batch.requests.request import Request
from ..batch.tables.sources import FileSource, digest
from . import process
from .requests import make_request

EXIT_INCOMPLETE = 3

FLOW_OPTIONS = ("in_flight", "max_rounds", "settle_seconds", "finish_by", "answer_rest", "poll_seconds")
"""Options that are the flow's parameters as they are."""


@click.command("run")
@click.argument("source")
@click.option("--model", "-m", help="The model, or a template such as {{ model }}.")
@click.option("--prompt", "-p", help="What is asked for each row: a Jinja template over its columns.")
@click.option("--system", help="The system message (or instructions), a template too.")
@click.option("--endpoint", help="The endpoint.  [default: /v1/chat/completions]")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    help="A body parameter; JSON where it parses.",
)
@click.option("--request", "request_file", metavar="FILE", help="A request file (JSON or YAML) instead.")
@click.option("--id-column", help="The column that holds the custom_ids.")
@click.option("--to", "destination", metavar="DEST", help="Where the table with answers goes.")
@click.option("--overwrite", is_flag=True, help="Replace the destination if it exists.")
@click.option("--job-key", help="Names the job.  [default: a digest of source, request and destination]")
@click.option("--in-flight", type=click.IntRange(min=1), default=20, show_default=True, help="Batches at once.")
@process.max_rounds
@process.settle
@click.option(
    "--finish-by", metavar="TIME", help="When to be done: a time, or a time of day such as '08:00 Europe/Berlin'."
)
@click.option(
    "--answer-rest",
    is_flag=True,
    help="Answer what that cuts off at once, synchronously, at twice the price.",
)
@click.option(
    "--detach", is_flag=True, help="Submit, print the job's key and end; `resume JOB` collects the answers."
)
@process.storage
@process.base_url
@process.poll
@click.option("--dry-run", is_flag=True, help="Build and check everything, send nothing, show the first items.")
@click.option("--json", "as_json", is_flag=True, help="Print the job report as JSON on stdout.")
@process.verbose
def run_command(
    source: str,
    destination: str | None,
    request_file: str | None,
    storage: str | None,
    job_key: str | None,
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
    options = {name: given.pop(name) for name in FLOW_OPTIONS}
    request = make_request(request_file, **given)
    table = FileSource(path=source)
    if dry_run:
        from .dry_run import show_dry_run

        show_dry_run(table, request, destination, overwrite=overwrite, as_json=as_json)
        return 0
    if destination is None:
        raise click.UsageError("Say where the results go: --to answers.csv (or .parquet, .jsonl).")
    if detach and options["finish_by"]:
        raise click.UsageError("--finish-by is kept by a command that stays: leave out --detach.")
    content = digest(table)
    key = job_key or _job_key(content, table, request, destination)
    report = run_job(
        table,
        request,
        destination,
        job_key=key,
        storage=storage,
        if_exists="replace" if overwrite else "refuse",
        source_digest=content,
        verbose=verbose,
        wait="detach" if detach else "sensor",
        **options,
    )
    if report is None:
        click.echo(key)
        return 0
    show_report(report, as_json=as_json)
    return 0 if report.complete else EXIT_INCOMPLETE


def _job_key(content: str, table: FileSource, request: Request, destination: str) -> str:
    """A key that the same command gives again, and a changed file, request, destination or server does not."""
    server = os.environ.get("OPENAI_BASE_URL", "")  # what another server has answered is not OpenAI's answer
    parts = (content, absolute(table.path), request.model_dump_json(), absolute(destination), server)
    return f"run-{sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


def run_job(
    table: FileSource,
    request: Request,
    destination: str,
    *,
    job_key: str,
    storage: str | None,
    if_exists: IfExists,
    source_digest: str | None = None,
    verbose: bool = False,
    **options: Any,
) -> JobReport | None:
    """Run the flow in this process, with its progress on stderr; a finished job is only told of.

    Returns:
        The report; None where the job is left to be taken up again.
    """
    if not verbose:
        process.quieten()
    asked: dict[str, Any] = {
        "job_key": job_key,
        "storage": storage or process.default_storage(),
        "if_exists": if_exists,
        "source_digest": source_digest,
    }
    job = open_job(table, request, destination, **asked)
    report = job.report()
    if report is not None:
        click.echo(f"job {job.key} is done already: nothing is sent (folder {job.folder})", err=True)
        return report
    click.echo(f"job {job.key} (folder {job.folder})", err=True)
    with process.flow_in_this_process(verbose=verbose):
        from ..flows import openai_batch

        answered: JobReport | None = openai_batch(table, request, destination, **options, **asked)
    if answered is None:
        _show_open(job)
    return answered


def _show_open(job: Job) -> None:
    """What a job that is left has open, and how it goes on."""
    opened = job.open_batches()
    unsent = len(job.input_files()) - len(job.batches())
    click.echo(
        f"{len(opened)} batch{'' if len(opened) == 1 else 'es'} submitted"
        + (f", {unsent} more to go when they have ended" if unsent else "")
        + f"; `prefect-openai-batch resume {job.key}` collects the answers",
        err=True,
    )


def show_report(report: JobReport, *, as_json: bool) -> None:
    """The end of a job: for a program as JSON, for a person in a few lines."""
    if as_json:
        click.echo(report.model_dump_json())
        return
    outcomes = ", ".join(f"{count:,} {outcome}" for outcome, count in report.outcomes.items())
    seconds = (report.finished_at - report.started_at).total_seconds()
    tokens = report.tokens
    click.echo(
        f"{report.answered:,} of {report.rows:,} rows answered ({outcomes}) in {len(report.batches)} "
        f"batch{'' if len(report.batches) == 1 else 'es'} and {seconds:,.0f} s\n"
        f"tokens: {tokens.input_tokens:,} in, {tokens.output_tokens:,} out\n"
        f"results: {report.destination}"
    )
    if report.stopped:
        click.echo(f"stopped: {report.stopped}\n`prefect-openai-batch resume {report.job_key}` goes on with it")
    if report.open_batches:
        click.echo(
            f"still open at OpenAI: {', '.join(report.open_batches)}; "
            f"collect them later with `resume {report.job_key} --collect-only`"
        )
