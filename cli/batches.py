"""`list`, `show` and `cancel`: batches as they stand at OpenAI."""

import os
from datetime import UTC, datetime

import click

from ..batch.batches import Batch
from ..batch.jobs import JOB_KEY, load_job
from ..batch.storage import Folder


def _base_url_option(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        os.environ["OPENAI_BASE_URL"] = value


base_url = click.option(
    "--base-url",
    callback=_base_url_option,
    expose_value=False,
    help="Another server that speaks OpenAI's Batch API.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@as_json_option
@base_url
def list_command(limit: int, *, as_json: bool) -> None:
    """List the newest batches, whoever started them."""
    from ..tasks import list_batches

    for batch in list_batches.fn(limit):
        click.echo(batch.model_dump_json() if as_json else _line(batch))


@click.command("show")
@click.argument("batch")
@as_json_option
@base_url
def show_command(batch: str, *, as_json: bool) -> None:
    """Show one BATCH by its id."""
    from ..tasks import get_batch

    found = get_batch.fn(batch)
    click.echo(found.model_dump_json() if as_json else _details(found))


@click.command("cancel")
@click.argument("batch")
@click.option("--storage", metavar="URL", help="Where the job folders lie, for a job key.")
@as_json_option
@base_url
def cancel_command(batch: str, storage: str | None, *, as_json: bool) -> None:
    """Cancel BATCH, by its id, or every open batch of a job, by its key.

    What a batch has finished is kept and billed; it takes OpenAI ten minutes or more to end it.
    """
    from ..tasks import cancel_batch

    for batch_id in [batch] if batch.startswith("batch_") else _open_batches(batch, storage):
        seen = cancel_batch.fn(batch_id)
        click.echo(seen.model_dump_json() if as_json else _line(seen))


def _open_batches(job_key: str, storage: str | None) -> list[str]:
    from ..flows.defaults import default_storage

    if not JOB_KEY.fullmatch(job_key):
        raise click.BadParameter(f"{job_key!r} is neither a batch id nor a job key")
    job = load_job((Folder(storage or default_storage()) / job_key).url)
    return [batch.id for batch in job.batches() if not batch.has_ended(datetime.now(UTC).timestamp())]


def _line(batch: Batch) -> str:
    counts = batch.request_counts
    done = f"{counts.completed + counts.failed:,}/{counts.total:,}"
    job = batch.metadata.get("job_key", "")
    created = _time(batch.created_at)
    return f"{batch.id}  {batch.status:<11}  {done:>15}  {created}  {batch.model or ''}  {job}".rstrip()


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
