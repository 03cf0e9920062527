"""What a job, or a trial, is called where answers and marks of many are kept together."""

from hashlib import blake2b
from uuid import uuid4

from ...answer_store.answers import SIGN, Keeper
from ...requests.request import Request
from ...tables.any_source import rewritten
from ...urls import name_in, without_secrets
from ..job import Job

NAME_BYTES = 20


def keeper_of(job: Job) -> Keeper:
    """Who keeps the answers of a job: told by its key, its folder, its source and its request.

    Another storage may hold a job of the same key, and another machine one in a folder of the same path. A job
    whose folder is lost is the same when it is begun again. What opens a source or a storage does not count.
    """
    source = rewritten(job.source, without_secrets)
    folder = without_secrets(job.folder)
    told = "\0".join((job.key, folder, source.model_dump_json(), job.request.model_dump_json()))
    return Keeper(name=_name(told), key=job.key, folder=folder, asks=asked_by(job))


def keeper_of_trial(request: Request, models: tuple[str, ...] = ()) -> Keeper:
    """Who keeps the answers of a trial: each is one of its own; of several models all are named."""
    key = f"trial-{uuid4().hex[:8]}"
    by = f" (by {', '.join(models)})" if models else ""
    return Keeper(name=_name(key), key=key, asks=f"{request.in_words}{by}")


def asked_by(job: Job) -> str:
    """What a job asks of each row, and where its table goes, in a few words."""
    return f"{job.request.in_words} → {name_in(job.destination) if job.into is None else job.into}"


def _name(told: str) -> str:
    return f"{SIGN}{blake2b(told.encode(), digest_size=NAME_BYTES).hexdigest()}"
