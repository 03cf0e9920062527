"""Remove what is left at OpenAI."""

from collections.abc import Iterable

from openai import NotFoundError, OpenAI
from prefect import task

from ..batch.batches import Batch
from ..batch.input_files import InputFile
from ..batch.jobs import CLEANED, Cleaned, Job
from ..blocks import load_credentials
from .creation import Uploads, remote_name
from .retrying import KEPT_AS_JSON, RETRIED


@task(name="clean-up", **KEPT_AS_JSON, **RETRIED)
def clean_up(done: Job | Batch, *, credentials: str | None = None) -> list[str]:
    """Delete the remote files of a job, or of one batch; files that are gone already count as deleted.

    Call it when the results are durable. Batches themselves stay listed at OpenAI; they cost nothing.

    Returns:
        The ids of the files that belonged to it.
    """
    with load_credentials(credentials).get_client() as client:
        file_ids = remove_files(client, done)
    if isinstance(done, Job):
        done.files.write(CLEANED, Cleaned(file_ids=tuple(file_ids)))
    return file_ids


def remove_files(client: OpenAI, done: Job | Batch) -> list[str]:
    """Delete the remote files of a job or a batch, and return their ids."""
    if isinstance(done, Batch):
        batches, sent = [done], [done.input_file] if done.input_file else []
    else:
        batches, sent = done.batches(), done.input_files()
    files = [file_id for batch in batches for file_id in batch.file_ids]
    unique = list(dict.fromkeys([*files, *_copies(client, sent)]))
    for file_id in unique:
        _delete(client, file_id)
    return unique


def _copies(client: OpenAI, files: Iterable[InputFile]) -> list[str]:
    """Uploads that got no answer: found by name, and looked for only where an upload was begun twice."""
    names = set()
    for file in files:
        uploads = file.files.read("uploading.json", Uploads)
        if uploads is not None and uploads.begun > 1:
            names.add(remote_name(file))
    if not names:
        return []
    return [file.id for file in client.files.list(purpose="batch") if file.filename in names]


def _delete(client: OpenAI, file_id: str) -> None:
    try:
        client.files.delete(file_id)
    except NotFoundError:
        return
