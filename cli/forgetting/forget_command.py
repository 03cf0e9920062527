"""`forget`: what is kept of a job, removed."""

import sys

import click

from ...batch.forgetting.own_answers import why_lost_with_folder
from ...batch.jobs.job import JOB, Job
from ...batch.jobs.opening import check_job_key, storage_folder
from ...batch.progress import waited_for
from .. import process


@click.command("forget")
@click.argument("job")
@click.option("--cancel", is_flag=True, help="Cancel its open batches first, and give up what they have finished.")
@click.option("--yes", is_flag=True, help="Remove answers too that lie in the job's folder alone.")
@click.option(
    "--without-store", is_flag=True, help="Forget the rest also where its answer store is gone for good."
)
@process.storage
@process.credentials
@process.base_url
@process.verbose
def forget_command(
    job: str,
    storage: str | None,
    credentials: str | None,
    *,
    cancel: bool,
    yes: bool,
    without_store: bool,
    verbose: bool,
) -> None:
    """Remove what is kept of JOB, by its key.

    That is its folder, its files at OpenAI, its answers in an answer store, and its artifacts in Prefect.

    The table that it has written stays, where it lies outside the folder.
    """
    check_job_key(job)
    process.quieten(verbose=verbose)
    place = storage or process.default_storage()
    known = (storage_folder(place) / job).read(JOB, Job)
    lost = why_lost_with_folder(known) if known else None
    if lost and not yes:
        click.echo(lost, err=True)
        if not sys.stdin or not sys.stdin.isatty() or not click.confirm("Forget them too?", err=True):
            raise click.ClickException("nothing is removed; --yes forgets them too")
    process.load_flows()
    from ...flows.forgetting.forget_flow import find_folder, forget

    find_folder(job, place)  # before a server of Prefect's is started
    with process.prefect_in_this_process(verbose=verbose), waited_for("asking OpenAI what is left of it"):
        told = forget(job, place, credentials, results_too=True, cancel=cancel, without_store=without_store)
    click.echo("\n".join(told))
