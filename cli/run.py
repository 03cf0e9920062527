"""`run`: a table in, the same table with answers out."""

import logging
import os
from hashlib import sha256
from typing import Any

import click

from ..batch.jobs import IfExists
from ..batch.opening import absolute, open_job
from ..batch.reports import JobReport
from ..batch.requests import Request
from ..batch.tables.sources import FileSource, digest
from .requests import make_request

EXIT_INCOMPLETE = 3


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
@click.option("--storage", metavar="URL", help="Where the job folders lie.")
@click.option("--base-url", help="Another server that speaks OpenAI's Batch API.")
@click.option(
    "--poll",
    "poll_seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds between looks; they grow with the batch's age.",
)
@click.option("--dry-run", is_flag=True, help="Build and check everything, send nothing, show the first items.")
@click.option("--json", "as_json", is_flag=True, help="Print the job report as JSON on stdout.")
@click.option("--verbose", is_flag=True, help="Show Prefect's own log on stderr.")
def run_command(
    source: str,
    destination: str | None,
    request_file: str | None,
    base_url: str | None,
    storage: str | None,
    job_key: str | None,
    *,
    overwrite: bool,
    poll_seconds: float,
    dry_run: bool,
    as_json: bool,
    verbose: bool,
    **typed: Any,
) -> int:
    """Send every row of SOURCE (CSV, Parquet or JSONL) to a model, and write the table with the answers.

    The same command typed again continues the same job; a finished one says so and pays nothing.
    """
    request = make_request(request_file, **typed)
    table = FileSource(path=source)
    if base_url:
        os.environ["OPENAI_BASE_URL"] = base_url
    if dry_run:
        from .dry_run import show_dry_run

        show_dry_run(table, request, destination, overwrite=overwrite, as_json=as_json)
        return 0
    if destination is None:
        raise click.UsageError("Say where the results go: --to answers.csv (or .parquet, .jsonl).")
    content = digest(table)
    report = run_job(
        table,
        request,
        destination,
        job_key=job_key or _job_key(content, table, request, destination),
        storage=storage,
        if_exists="replace" if overwrite else "refuse",
        source_digest=content,
        poll_seconds=poll_seconds,
        verbose=verbose,
    )
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
    poll_seconds: float,
    verbose: bool = False,
) -> JobReport:
    """Run the flow in this process, with its progress on stderr; a finished job is only told of."""
    if not verbose:
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")  # our own lines say what happens
    asked: dict[str, Any] = {
        "job_key": job_key,
        "storage": storage or _default_storage(),
        "if_exists": if_exists,
        "source_digest": source_digest,
    }
    job = open_job(table, request, destination, **asked)
    report = job.report()
    if report is not None:
        click.echo(f"job {job.key} is done already: nothing is sent (folder {job.folder})", err=True)
        return report
    click.echo(f"job {job.key} (folder {job.folder})", err=True)
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from ..flows import openai_batch
    from .progress import shown_progress

    if not verbose:
        logging.getLogger().setLevel(logging.CRITICAL)  # Prefect's services write to the root logger
    # Nobody takes a command that vanished for a crashed run, and ending the heartbeat can take a second.
    with shown_progress(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        answered: JobReport = openai_batch(table, request, destination, poll_seconds=poll_seconds, **asked)
    return answered


def _default_storage() -> str:
    from ..flows.defaults import default_storage

    return default_storage()


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
