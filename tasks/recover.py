"""What OpenAI still knows of a job whose folder is lost."""

from openai import OpenAI
from prefect import task

from ..batch import clock
from ..batch.batches import Batch, BatchStatus
from ..blocks import load_credentials
from .creation import KEPT_SECONDS
from .listing import listed_since
from .retrying import KEPT_AS_JSON, RETRIED


@task(name="find-job-batches", **KEPT_AS_JSON, **RETRIED)
def find_job_batches(job_key: str, *, credentials: str | None = None) -> list[Batch]:
    """The batches that bear a job's key, as far back as OpenAI keeps their files, one for each input file.

    They are in the order of rounds and input files. Batches that failed at validation are not among them.
    """
    with load_credentials(credentials).get_client() as client:
        return one_each(batches_of_job(client, job_key))


def batches_of_job(client: OpenAI, job_key: str) -> list[Batch]:
    """All batches whose metadata bears a job's key, the newest first."""
    listed = listed_since(client, clock.now() - KEPT_SECONDS)
    return [batch for batch in listed if batch.metadata.get("job_key") == job_key]


def one_each(batches: list[Batch]) -> list[Batch]:
    """Of twins the oldest, by round and input file."""
    kept: dict[tuple[int, str], Batch] = {}
    for batch in sorted(batches, key=lambda batch: (batch.created_at or 0, batch.id)):
        if batch.status != BatchStatus.FAILED:
            kept.setdefault((round_of(batch), batch.metadata.get("input_file", "")), batch)
    return [kept[place] for place in sorted(kept)]


def round_of(batch: Batch) -> int:
    """The round that a batch's metadata names."""
    number = batch.metadata.get("round", "1")
    return int(number) if number.isdigit() else 1
