"""What a job's artifacts are called in Prefect's UI, where their keys are their titles."""

import re

from ...batch.jobs.job import Job
from ...batch.urls import name_in

RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A job's key where nobody gave it one."""


def artifact_key(job: Job, kind: str = "") -> str:
    """The key of one of a job's artifacts: small letters, digits and dashes.

    It is made of the job's key; where that is a run's id, of the table's name and the end of that id.
    """
    named = job.key
    if is_unnamed(job):
        named = f"{name_in(job.source.name).lower()}-{job.key.rpartition('-')[2]}"
    return re.sub("[^a-z0-9]+", "-", f"openai-batch-{named}-{kind}").strip("-")


def is_unnamed(job: Job) -> bool:
    """Whether a job's key is a run's id, which says nothing to a person."""
    return RUN_ID.fullmatch(job.key) is not None
