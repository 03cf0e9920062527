"""The report of a job in Prefect's UI: a page of charts, and the rows without an answer as a table."""

import os
from urllib.parse import urlsplit

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from ...batch.jobs.job import Job
from ...batch.jobs.report import JobReport
from ...batch.jobs.stops import RESUMED
from ...batch.reports.report_page import ReportPage, report_page
from ...blocks import OpenAICredentials, load_credentials
from ...blocks.prefect_calls import at_once
from ..shown.artifact_keys import artifact_key
from ..shown.run_names import named

OPENAI = "api.openai.com"


@task(name="show-report", task_run_name=named("show report"), persist_result=False, cache_policy=NO_CACHE)
def show_report(job: Job, report: JobReport, *, credentials: str | None = None) -> None:
    """Make the artifacts of a job that is done; that they cannot be made is logged, and no reason to fail.

    A job that is taken up again makes a new version of each, under the same key.

    Args:
        job: The job.
        report: How it ended.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.
    """
    try:
        _make(job, report_page(job, report, at_openai=at_openai(credentials)))
    except Exception:
        get_run_logger().warning("The report of the job %s could not be made", job.key, exc_info=True)


def _make(job: Job, page: ReportPage) -> None:
    at_once(
        create_markdown_artifact, page.as_markdown(), key=artifact_key(job, "report"), description=page.summary
    )
    rows = page.unanswered_rows()
    if rows or job.files.exists(RESUMED):  # what a job lacked before it was taken up is not to stand there
        key = artifact_key(job, "unanswered")
        at_once(create_table_artifact, rows, key=key, description=f"Rows without an answer: {page.title}")


def at_openai(credentials: str | None) -> bool:
    """Whether batches are sent to OpenAI itself, whose platform has a page of each.

    Raises:
        AccessError: there is no such credentials block.
    """
    block = load_credentials(credentials)
    if not isinstance(block, OpenAICredentials):
        return False
    address = block.base_url or os.environ.get("OPENAI_BASE_URL") or f"https://{OPENAI}/v1"
    host = urlsplit(address.strip()).hostname or ""
    return host == OPENAI or host.endswith(f".{OPENAI}")
