"""`list`, `show` and `cancel`: batches as they stand at OpenAI."""

from datetime import UTC, datetime

import click

from ..batch.files.batches import Batch
from ..batch.files.identity import job_key_of
from ..batch.jobs.job import JOB_KEY, Job
from ..batch.jobs.opening import absolute
from ..batch.storage import Folder
from . import process
from .run_options import run_options


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@process.as_json
@process.base_url
def list_command(limit: int, *, as_json: bool) -> None:
    """List the newest batches, whoever started them."""
    from ..tasks import list_batches

    for batch in list_batches.fn(limit):
        click.echo(batch.model_dump_json() if as_json else _line(batch))


@click.command("show")
@click.argument("batch")
@process.as_json
@process.base_url
def show_command(batch: str, *, as_json: bool) -> None:
    """Show one BATCH by its id."""
    from ..tasks import get_batch

    found = get_batch.fn(batch)
    click.echo(found.model_dump_json() if as_json else _details(found))


@click.command("cancel")
@click.argument("batch")
@run_options("settle_seconds")
@process.storage
@process.as_json
@process.base_url
def cancel_command(batch: str, storage: str | None, settle_seconds: float, *, as_json: bool) -> None:
    """Cancel BATCH, by its id, or a whole job, by its key: nothing more of it is sent.

    What a batch has finished is kept and billed; it takes OpenAI ten minutes or more to end it. Then
    `resume JOB --collect-only` fetches it, or the flow run that still waits does.
    """
    process.quieten()
    job = _job(batch, storage)
    from ..tasks import cancel_batch, cancel_job

    if job is not None and job.report() is not None:
        click.echo(f"job {job.key} is done: there is nothing to cancel", err=True)
        return
    if job is None:
        cancelled = [cancel_batch.fn(batch)]
    else:
        job.stop("cancelled", "The job was cancelled before this row was sent.")
        cancelled = cancel_job.fn(job, settle_seconds=settle_seconds)
        click.echo(f"job {job.key}: nothing more is sent, {len(cancelled)} batches cancelled", err=True)
    for seen in cancelled:
        click.echo(seen.model_dump_json() if as_json else _line(seen))


def _job(name: str, storage: str | None) -> Job | None:
    """The job of this key; None where the name is a batch's id."""
    place = absolute(storage or process.default_storage())
    job = (Folder(place) / name).read("job.json", Job) if JOB_KEY.fullmatch(name) else None
    if job is None and not name.startswith("batch"):
        raise click.BadParameter(f"{name!r} is no batch id, and no job in {place}")
    return job


def _line(batch: Batch) -> str:
    counts = batch.request_counts
    done = f"{counts.completed + counts.failed:,}/{counts.total:,}"
    created = _time(batch.created_at)
    return (
        f"{batch.id}  {batch.status:<11}  {done:>15}  {created}  {batch.model or ''}  {job_key_of(batch)}".rstrip()
    )


def _details(batch: Batch) -> str:
    fields = {
        name: _time(value) if name.endswith("_at") else value
        for name, value in batch.model_dump(exclude={"request_counts", "errors", "metadata", "input_file"}).items()
        if value is not None
    }
    fields["items"] = "{total:,}, {completed:,} completed, {failed:,} failed".format_map(
        batch.request_counts.model_dump()
    )
    fields |= {f"metadata {key}": value for key, value in batch.metadata.items()}
    fields |= {"error": batch.why_failed} if batch.errors else {}
    return "\n".join(f"{name:<24}{value}" for name, value in fields.items())


def _time(seconds: int | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
