"""`resume`: a job taken up from its folder, or from what OpenAI knows of it."""

from typing import Any

import click

from ..batch.errors import StorageNotShared
from ..batch.opening import absolute, check_job_key
from ..batch.storage import Folder
from . import process
from .run import EXIT_INCOMPLETE, show_report


@click.command("resume")
@click.argument("job")
@click.option("--collect-only", is_flag=True, help="Send nothing more: fetch what the batches have finished.")
@process.max_rounds
@process.settle
@process.poll
@process.storage
@process.base_url
@process.as_json
@process.verbose
def resume_command(
    job: str,
    storage: str | None,
    max_rounds: int,
    *,
    collect_only: bool,
    as_json: bool,
    verbose: bool,
    **options: Any,
) -> int:
    """Take JOB up where it stands, by its key.

    Its open batches are fetched, and rows without an answer go again: those that failed in passing, expired, were
    lost or cancelled, or were never sent.
    """
    check_job_key(job)
    if not verbose:
        process.quieten()
    place = absolute(storage or process.default_storage())
    if not (Folder(place) / job).exists("job.json"):
        raise StorageNotShared(
            f"There is no job {job} in {place}. Name its --storage; or, where its folder is lost, type its `run` "
            "command again with --job-key: what OpenAI still holds of it is adopted, and not paid again."
        )
    with process.flow_in_this_process(verbose=verbose):
        from ..flows import collect_job, resume_job

        if collect_only:
            report = collect_job(job, storage=place, **options)
        else:
            report = resume_job(job, storage=place, max_rounds=max_rounds, **options)
    show_report(report, as_json=as_json)
    return 0 if report.complete else EXIT_INCOMPLETE
