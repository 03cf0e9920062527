"""`resume`: a job taken up from its folder, or from what OpenAI knows of it."""

from inspect import signature
from typing import Any

import click

from ..batch.errors import JobKeyError
from ..batch.jobs.destinations.moved import goes_elsewhere
from ..batch.jobs.job import Job
from ..batch.jobs.opening import check_job_key, storage_folder
from ..batch.jobs.options import RunOptions
from ..batch.jobs.own_table import holds_results
from ..batch.jobs.report import OTHER_JOBS, JobReport
from ..batch.jobs.rounds import finished_report
from ..batch.storage.locations import absolute
from ..batch.storage.rights import check_bucket
from ..batch.tables.destinations import check_destination
from ..batch.tables.sql.sql_destination import SqlDestination
from ..batch.words import counted
from . import process
from .destinations.destination_options import check_place, destination_options, make_destination
from .reports.ended_jobs import EXIT_INCOMPLETE, say_done, show_report
from .reports.report_file import check_report_file, report_file, write_report_file
from .run_options import run_options


@click.command("resume")
@click.argument("job")
@click.option("--collect-only", is_flag=True, help="Send nothing more: fetch what the batches have finished.")
@click.option("--folder-lost", is_flag=True, help="The job's folder is lost: take what OpenAI holds, with --to.")
@destination_options("Where the table goes instead.")
@run_options(
    *("in_flight", "max_enqueued_tokens", "max_rounds", "poll_seconds", "max_poll_seconds", "settle_seconds"),
    *("budget_usd", "price_in", "price_out"),
)
@process.storage
@process.credentials
@process.base_url
@process.as_json
@report_file
@process.verbose
def resume_command(
    job: str,
    storage: str | None,
    credentials: str | None,
    report_file: str | None,
    *,
    collect_only: bool,
    folder_lost: bool,
    as_json: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Take JOB up where it stands, by its key.

    Its open batches are fetched, and rows without an answer go again: those that failed in passing, expired, were
    lost or cancelled, or were never sent. A job that is done is only told of: its table stays as it is.

    With --to the table goes elsewhere from now on. Where the job's folder is lost, --folder-lost with --to takes
    the answers that OpenAI still holds, by custom_id and without the rows, and deletes its files there.
    """
    check_job_key(job)
    check_report_file(report_file)
    destination = make_destination(**{name: given.pop(name) for name in signature(make_destination).parameters})
    options = RunOptions(**given)
    process.quieten(verbose=verbose)
    folder = storage_folder(storage or process.default_storage())
    known = (folder / job).read("job.json", Job)
    if known is None:
        check_bucket(folder.url)
        if report_file:
            click.echo("no report is written: the job's folder, which it is made of, is not there", err=True)
        asked = destination if folder_lost else None
        return _recover(job, folder.url, asked, credentials, options, verbose=verbose)
    if destination and goes_elsewhere(known, destination):
        check_place(destination)
    elif (done := known.report() if collect_only else finished_report(known)) is not None:
        say_done(known)
        return _told(done, storage, credentials, report_file, as_json=as_json, was_done=True)
    with (
        process.flow_in_this_process(verbose=verbose),
        process.places_named(known.folder, str(destination or known.table)),
    ):
        from ..flows import collect_job, resume_job

        take_up = collect_job if collect_only else resume_job
        report = take_up(
            job, storage=folder.url, credentials=credentials, options=options, destination=destination
        )
    return _told(report, storage, credentials, report_file, as_json=as_json)


def _told(
    report: JobReport,
    storage: str | None,
    credentials: str | None,
    report_file: str | None,
    *,
    as_json: bool,
    was_done: bool = False,
) -> int:
    show_report(report, storage, as_json=as_json, was_done=was_done)
    write_report_file(report_file, report.job_key, storage, credentials)
    return 0 if report.complete else EXIT_INCOMPLETE


def _recover(
    job: str,
    place: str,
    destination: SqlDestination | str | None,
    credentials: str | None,
    options: RunOptions,
    *,
    verbose: bool,
) -> int:
    if not isinstance(destination, str):
        raise JobKeyError(
            f"There is no job {job!r} in {place}: {OTHER_JOBS} Where its folder is lost, type its `run` command "
            "again with the same --job-key: what OpenAI still holds of it is adopted, and not paid again. Or give "
            "--folder-lost and --to for a table of the answers alone.",
            job_key=job,
        )
    place_to = absolute(destination)
    check_destination(place_to, "replace" if holds_results(place_to) else "refuse")  # the flow looks into it
    with process.flow_in_this_process(verbose=verbose):
        from ..flows import recover_job

        items = recover_job(job, place_to, credentials=credentials, options=options)
    click.echo(f"{counted(items, 'item')} of job {job}, by custom_id\nresults: {destination}")
    return 0
