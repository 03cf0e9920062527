"""The table that a job writes, as an asset of Prefect's, made of the table that it reads."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar

from prefect.assets import Asset, add_asset_metadata, materialize
from prefect.tasks import Task
from pydantic import ValidationError

from ...batch.jobs.job import Job
from ...batch.jobs.report import REPORT, JobReport
from ...batch.tables.any_source import Source
from ...batch.tables.sources import FileSource
from ...batch.tables.sql.table_urls import table_url
from ...batch.urls import without_secrets
from ...blocks.databases import database_url
from ...tasks.options import KEPT_AS_JSON

R = TypeVar("R")

BY = "prefect-openai-batch"
"""What makes the table."""


def materializing_file(write: Task[[Job], R], job: Job) -> Task[[Job], R]:
    """The task that writes a job's results, as one that tells Prefect of their file, its rows and what it cost.

    The task as it is, where the results go to the job folder, or to a database from there.
    """
    own = job.into is not None or job.destination == job.own_destination
    return write if own else _materializing(write, job, asset_of(job.destination))


def materializing_table(load: Task[[Job], R], job: Job) -> Task[[Job], R]:
    """The task that brings a job's results into a table of a database, as one that tells Prefect of it so."""
    return (
        load if job.into is None else _materializing(load, job, asset_of_table(job.into.database, job.into.table))
    )


def _materializing(make: Task[[Job], R], job: Job, table: Asset | None) -> Task[[Job], R]:
    """The task as it is, where there is no asset; where the source is none, nothing stands upstream."""
    if table is None:
        return make
    source = asset_of_source(job.source)

    @wraps(make.fn)
    def make_asset(job: Job) -> R:
        result: R = make.fn(job)
        with suppress(Exception):  # the table is there, whatever Prefect makes of it
            if (report := job.files.read(REPORT, JobReport)) is not None:
                add_asset_metadata(table, metadata_of(report))
        return result

    kept = {**KEPT_AS_JSON, "result_storage_key": make.result_storage_key}
    upstream = [source] if source else []
    named: Any = {"name": make.name, "task_run_name": make.task_run_name, "asset_deps": upstream, **kept}
    made: Callable[[Any], Task[[Job], R]] = materialize(table, by=BY, **named)
    return made(make_asset)


def metadata_of(report: JobReport) -> dict[str, Any]:
    """What is told of a table: its rows, and what they cost in US dollars where that is known."""
    cost = report.bill.cost_usd if report.bill else None
    return {
        "job_key": report.job_key,
        "rows": report.rows,
        "answered": report.answered,
        "cost_usd": None if cost is None else float(cost),
    }


def asset_of_source(source: Source) -> Asset | None:
    """The asset that a source is; of a query the database, for nobody says of which tables it is made."""
    if isinstance(source, FileSource):
        return asset_of(source.path)
    return asset_of_table(source.database, source.table)


def asset_of_table(database: str, table: str | None) -> Asset | None:
    """The asset that a database's table is, or without one the database; None where nothing names it."""
    with suppress(Exception):  # a name that means nothing here: whoever reads or writes says so
        return _asset(table_url(database_url(database), table))
    return None


def asset_of(url: str) -> Asset | None:
    """The asset that a path or URL names; None where it cannot name one.

    User and password are left out; a URL with a query, or a chain of them, names no place by itself.
    """
    if "?" in url or "::" in url:
        return None
    return _asset(without_secrets(url if "://" in url else f"file://{url}"))


def _asset(key: str | None) -> Asset | None:
    try:
        return None if key is None else Asset(key=key)
    except ValidationError:
        return None
