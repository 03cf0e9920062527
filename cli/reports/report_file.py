"""The report of a job as an HTML file, for the commands that end one or tell of one."""

import click

from ...batch.jobs.job import Job, load_job
from ...batch.jobs.opening import storage_folder
from ...batch.jobs.report import REPORT, JobReport
from .. import process

report_file = click.option(
    "--report", "report_file", metavar="FILE", help="Write what came of it as a page of charts: report.html."
)


def check_report_file(path: str | None) -> None:
    """Refuse a file that would be taken for a table, before anything is sent.

    Raises:
        BadParameter: its name does not end in .html.
    """
    if path is not None and not path.lower().endswith((".html", ".htm")):
        raise click.BadParameter(f"{path!r} is to be a page: name it report.html.", param_hint="--report")


def write_report_file(path: str | None, job_key: str, storage: str | None, credentials: str | None) -> bool:
    """Write the report of a job that is done; whether that was done. What is in its way is said."""
    if path is None:
        return True
    try:
        _write(path, load_job((storage_folder(storage or process.default_storage()) / job_key).url), credentials)
        click.echo(f"report: {path}", err=True)
    except Exception as error:  # the job is done, and paid
        click.echo(f"the report could not be written to {path}: {error}", err=True)
        return False
    return True


def _write(path: str, job: Job, credentials: str | None) -> None:
    from ...batch.reports.report_page import report_page
    from ...tasks.reports import at_openai

    report = job.files.read(REPORT, JobReport)
    if report is None:
        raise click.ClickException("the job is not done")
    report_page(job, report, at_openai=at_openai(credentials)).save(path)
