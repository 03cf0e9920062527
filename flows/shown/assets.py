"""The table that a job writes, as an asset of Prefect's, made of the table that it reads."""

from contextlib import suppress
from functools import wraps
from typing import Any

from prefect.assets import Asset, add_asset_metadata, materialize
from prefect.tasks import Task
from pydantic import ValidationError

from ...batch.jobs.job import Job
from ...batch.jobs.report import JobReport
from ...batch.tables.any_source import path_of
from ...batch.urls import without_secrets
from ...tasks.options import KEPT_AS_JSON

BY = "prefect-openai-batch"
"""What makes the table."""


def materializing(write: Task[[Job], JobReport], job: Job) -> Task[[Job], JobReport]:
    """The task that writes a job's results, as one that tells Prefect of the table, its rows and what it cost.

    The task as it is, where the destination is the job folder or its URL cannot name an asset; where the source's
    cannot, nothing stands upstream.
    """
    table, source = asset_of(job.destination), asset_of(path_of(job.source) or "")
    if table is None or job.destination == job.own_destination:
        return write

    @wraps(write.fn)
    def write_asset(job: Job) -> JobReport:
        report: JobReport = write.fn(job)
        with suppress(Exception):  # the table is there, whatever Prefect makes of it
            add_asset_metadata(table, metadata_of(report))
        return report

    kept = {**KEPT_AS_JSON, "result_storage_key": write.result_storage_key}
    upstream = [source] if source else []
    named: Any = {"name": write.name, "task_run_name": write.task_run_name, "asset_deps": upstream, **kept}
    return materialize(table, by=BY, **named)(write_asset)


def metadata_of(report: JobReport) -> dict[str, Any]:
    """What is told of a table: its rows, and what they cost in US dollars where that is known."""
    cost = report.bill.cost_usd if report.bill else None
    return {
        "job_key": report.job_key,
        "rows": report.rows,
        "answered": report.answered,
        "cost_usd": None if cost is None else float(cost),
    }


def asset_of(url: str) -> Asset | None:
    """The asset that a path or URL names; None where it cannot name one.

    User and password are left out; a URL with a query, or a chain of them, names no place by itself.
    """
    if "?" in url or "::" in url:
        return None
    key = without_secrets(url if "://" in url else f"file://{url}")
    try:
        return Asset(key=key)
    except ValidationError:
        return None
