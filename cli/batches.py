"""`list`, `show` and `cancel`: batches as they stand at OpenAI; `jobs`: the jobs of a storage."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

import click

from ..batch.errors import JobKeyError
from ..batch.files.batches import Batch
from ..batch.files.identity import job_key_of
from ..batch.jobs.job import JOB, Job
from ..batch.jobs.opening import JOB_KEY, storage_folder
from ..batch.jobs.report import OTHER_JOBS, REPORT, JobReport
from ..batch.progress import waited_for
from ..batch.storage.folders import Folder
from ..batch.storage.rights import check_bucket
from ..batch.words import counted
from . import process
from .reports.report_file import check_report_file, report_file, write_report_file
from .run_options import run_options

if TYPE_CHECKING:
    from ..tasks.remote.connection import Connection


_HEADER = "{:<{width}}  {:<11}  {:>15}  {:<19}  model  job key"
"""What stands above the list; a batch without a model or a job key leaves its place out."""


READERS = 16
"""Jobs that are read at once: an object store answers many as soon as one."""

LOOKS = "cancelling at OpenAI; a batch whose creation got no answer is looked for up to {:.0f} seconds"

_JOB = "{:<{width}}  {:<18}  {:>11}  {:<19}  {}"


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, newest first.")
@process.credentials
@process.as_json
@process.base_url
def list_command(limit: int, credentials: str | None, *, as_json: bool) -> None:
    """List the newest batches, whoever started them."""
    with _connected(credentials) as connection:
        listed = chain.from_iterable(connection.batch_pages(min(limit, 100)))
        for number, batch in enumerate(islice(listed, limit)):
            if number == 0 and not as_json:
                click.echo(_HEADER.format("batch", "status", "done", "created (UTC)", width=len(batch.id)))
            _show(batch, _line, as_json=as_json)


@click.command("jobs")
@process.storage
@process.as_json
def jobs_command(storage: str | None, *, as_json: bool) -> None:
    """List the jobs of the storage, the newest first: key, state, rows, and where the table goes.

    States: done; partial, where rows have no answer; open, where batches are not fetched yet; begun; or what has
    stopped the job.
    """
    place = storage_folder(storage or process.default_storage())
    with ThreadPoolExecutor(READERS) as threads:
        found = [one for one in threads.map(_listed, [place / name for name in place.names()]) if one is not None]
    if not found:
        check_bucket(place.url)
        click.echo(f"no job in {place.url}", err=True)
    elif not as_json:
        width = max(len(one.job.key) for one in found)
        click.echo(_JOB.format("job", "state", "rows", "opened (UTC)", "table", width=width))
    for job, state, rows in sorted(found, key=lambda one: one.job.opened_at, reverse=True):
        if as_json:
            told = {"state": state, "rows": rows, "opened_at": job.opened_at.isoformat()}
            process.print_json(json.dumps({"job_key": job.key, **told, "destination": job.table}))
        else:
            opened = job.opened_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
            count = "" if rows is None else f"{rows:,}"
            click.echo(_JOB.format(job.key, state, count, opened, job.table, width=width))


class _Listed(NamedTuple):
    """A job in a storage, its state in a word, and its rows where they are read."""

    job: Job
    state: str
    rows: int | None


def _listed(folder: Folder) -> _Listed | None:
    """The job in a folder; None where there is none, or it cannot be read, which is said."""
    try:
        job = folder.read(JOB, Job)
        if job is None:
            return None
        rows = job.rows()
        return _Listed(job, _state(job), rows.rows if rows else None)
    except Exception as error:  # whatever is wrong with one: the others are listed
        click.echo(f"{folder.url} cannot be read: {type(error).__name__}", err=True)
        return None


def _state(job: Job) -> str:
    """How far a job is, in a word."""
    if (report := job.report()) is not None:
        return "done" if report.complete else "partial"
    if (stopped := job.stopped()) is not None:
        return stopped.code
    return "open" if job.open_batches() else "begun"


@click.command("show")
@click.argument("batch")
@process.storage
@process.credentials
@report_file
@process.as_json
@process.base_url
def show_command(
    batch: str, storage: str | None, credentials: str | None, report_file: str | None, *, as_json: bool
) -> None:
    """Show one BATCH by its id, or how a job stands or ended by its key; with --report as a page of charts."""
    check_report_file(report_file)
    job = _kept_job(batch, storage)
    if job is not None:
        _show_job(job, storage, credentials, report_file, as_json=as_json)
        return
    if report_file is not None:
        raise click.UsageError(f"{batch!r} is no job in {storage or process.default_storage()}: it has no report.")
    _job(batch, storage)
    with _connected(credentials) as connection:
        found = connection.batch(batch)
    _show(found, _details, as_json=as_json)


def _show_job(
    job: Job, storage: str | None, credentials: str | None, report_file: str | None, *, as_json: bool
) -> None:
    report = job.files.read(REPORT, JobReport)
    if report is None:
        if report_file is not None:
            raise click.UsageError(f"The job {job.key} is not done: {_state(job)}. There is no report of it yet.")
        _show_open_job(job, credentials, as_json=as_json)
        return
    from .reports.ended_jobs import show_report

    show_report(report, storage, as_json=as_json)
    with _credentials_found(credentials):
        if not write_report_file(report_file, job.key, storage, credentials):
            raise click.exceptions.Exit(1)


def _show_open_job(job: Job, credentials: str | None, *, as_json: bool) -> None:
    """How a job stands, and its open batches as OpenAI tells of them; nothing of it is changed."""
    from ..batch.jobs.results import report_open_job

    report = report_open_job(job)
    if as_json:
        process.print_json(report.model_dump_json())
        return
    fetched, opened = len(report.batches), job.open_batches()
    click.echo(
        f"job {job.key}: {_state(job)}; {counted(report.rows, 'row')}, "
        f"{counted(fetched, 'batch', 'batches')} fetched, {counted(len(opened), 'batch', 'batches')} at OpenAI, "
        f"{counted(report.unsent_files, 'input file')} to go"
    )
    if opened:
        with _connected(credentials) as connection:
            for batch in opened:
                click.echo(_line(connection.batch(batch.id)))


@click.command("cancel")
@click.argument("batch")
@run_options("settle_seconds")
@process.storage
@process.credentials
@process.as_json
@process.base_url
def cancel_command(
    batch: str, storage: str | None, credentials: str | None, settle_seconds: float, *, as_json: bool
) -> None:
    """Cancel BATCH, by its id, or a whole job, by its key: nothing more of it is sent.

    What a batch has finished is kept and billed; it takes OpenAI ten minutes or more to end it. Then
    `resume JOB --collect-only` fetches it, or the flow run that still waits does.
    """
    job = _job(batch, storage)
    from ..tasks import cancel_job

    if job is not None and job.report() is not None:
        click.echo(f"job {job.key} is done: there is nothing to cancel", err=True)
        return
    if job is None:
        with _connected(credentials) as connection:
            cancelled = [connection.cancel(batch)]
    else:
        job.stop("cancelled", "The job was cancelled before this row was sent.")
        with _credentials_found(credentials), waited_for(LOOKS.format(settle_seconds)):
            cancelled = cancel_job.fn(job, settle_seconds=settle_seconds, credentials=credentials)
        click.echo(
            f"job {job.key}: nothing more is sent, {counted(len(cancelled), 'batch', 'batches')} cancelled",
            err=True,
        )
    for seen in cancelled:
        _show(seen, _line, as_json=as_json)


@contextmanager
def _connected(credentials: str | None) -> Iterator["Connection"]:
    """A connection for somebody who waits for the answer: a call is given up after seconds."""
    from ..tasks.remote.connection import connect
    from ..tasks.remote.tries import CHECKING

    with (
        _credentials_found(credentials),
        process.calls_in_this_process(),
        connect(credentials, reading=CHECKING) as connection,
    ):
        yield connection


def _credentials_found(credentials: str | None) -> AbstractContextManager[None]:
    """Blocks are Prefect's: its server is asked only where one is named."""
    process.quieten()
    return process.prefect_in_this_process() if credentials else nullcontext()


def _job(name: str, storage: str | None) -> Job | None:
    """The job of this key; None where the name is a batch's id."""
    job = _kept_job(name, storage)
    if job is None and not name.startswith("batch"):
        place = storage_folder(storage or process.default_storage())
        check_bucket(place.url)
        raise JobKeyError(f"{name!r} is no batch id, and no job in {place.url}: {OTHER_JOBS}", job_key=name)
    return job


def _kept_job(name: str, storage: str | None) -> Job | None:
    place = storage_folder(storage or process.default_storage())
    return (place / name).read(JOB, Job) if JOB_KEY.fullmatch(name) else None


def _show(batch: Batch, told: Callable[[Batch], str], *, as_json: bool) -> None:
    if as_json:
        process.print_json(batch.model_dump_json())
    else:
        click.echo(told(batch))


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
