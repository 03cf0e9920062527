"""What a job's artifacts are called in Prefect's UI, where their keys are their titles."""

import re
from hashlib import sha256
from typing import Literal, get_args

from ...batch.jobs.job import Job
from ...batch.urls import name_in

RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A job's key where nobody gave it one."""


PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""What stands in an artifact's key as it is."""

Kind = Literal["", "report", "unanswered"]
KINDS = get_args(Kind)
"""The artifacts of a job: how far it is, its report, and its rows without an answer."""


def artifact_key(job: Job, kind: Kind = "") -> str:
    """The key of one of a job's artifacts: small letters, digits and dashes.

    It is made of the job's key; where that is a run's id, of the table's name and the end of that id. A digest
    tells a key that it cannot spell, or that ends like a kind, from others that are spelled alike.
    """
    named = job.key
    if is_unnamed(job):
        named = f"{name_in(job.source.name).lower()}-{job.key.rpartition('-')[2]}"
    elif not PLAIN.fullmatch(named) or named.rpartition("-")[2] in KINDS:
        named = f"{named}-{sha256(named.encode()).hexdigest()[:6]}"
    return re.sub("[^a-z0-9]+", "-", f"openai-batch-{named}-{kind}").strip("-")


def is_unnamed(job: Job) -> bool:
    """Whether a job's key is a run's id, which says nothing to a person."""
    return RUN_ID.fullmatch(job.key) is not None
