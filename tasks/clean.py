"""Remove what is left at OpenAI."""

import logging
from collections.abc import Container, Iterable
from contextlib import suppress

from prefect import task

from ..batch.errors import BatchUnknown
from ..batch.files.batches import Batch
from ..batch.files.identity import remote_name
from ..batch.files.input_files import InputFile
from ..batch.jobs.job import Job
from ..batch.jobs.report import CLEANED, Cleaned
from ..batch.jobs.submissions import (
    KEPT_UPLOAD,
    TWINS,
    drop_kept_upload,
    fetched,
    kept_upload,
    last_seen,
    twins,
    uploads_begun,
)
from ..batch.side_by_side import side_by_side
from ..batch.storage.records import listed_once
from ..batch.words import counted
from .options import KEPT_AS_JSON
from .remote.connection import Connection, connect
from .remote.deletion import delete_files
from .shown.run_names import named

log = logging.getLogger(__name__)


@task(name="clean-up", task_run_name=named("clean up"), **KEPT_AS_JSON)
def clean_up(done: Job | Batch, *, credentials: str | None = None) -> list[str]:
    """Delete the remote files of a job, or of one batch; files that are gone already count as deleted.

    Call it when the results are durable. Batches themselves stay listed at OpenAI; they cost nothing. Output and
    error files stay where they told of fewer items than their batch says it finished; they expire.

    Returns:
        The ids of the files that are gone. Those that the key may not delete are a warning; they expire.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, clean_up, fetch_output, submit_batch, wait_for_batch

        batch = submit_batch([ChatRequest(model="gpt-5-mini", prompt="Name a colour.").item("colour")])
        batch = wait_for_batch(batch)
        answers = fetch_output(batch).frame()
        clean_up(batch)
        ```
    """
    with connect(credentials) as connection:
        cleaned = remove_files(connection, done)
    if cleaned.kept:
        log.warning("Kept at OpenAI, for rows could not be read: %s", counted(len(cleaned.kept), "file"))
    if isinstance(done, Job) and not done.open_batches():
        done.files.write(CLEANED, cleaned)
    return list(cleaned.file_ids)


def remove_files(connection: Connection, done: Job | Batch) -> Cleaned:
    """Delete the remote files of a job or a batch; what an open batch needs stays, and what is unread."""
    if isinstance(done, Batch):
        batches, sent = [done], [done.input_file] if done.input_file else []
        needed, everywhere, twinned, held = set[str](), False, sent, sent
    else:
        with listed_once():
            batches, sent, opened = done.batches(), done.input_files(), done.open_batches()
        needed = {file_id for batch in opened for file_id in batch.file_ids}
        below, everywhere = (done.files / "rounds").below(), done.key_given
        twinned, held = _with_record(TWINS, below, sent), _with_record(KEPT_UPLOAD, below, sent)
    batches = [*batches, *_twins(connection, twinned)]
    kept = _unread(sent)
    strays = _strays(connection, sent, held, everywhere=everywhere)
    removed, left = delete_files(connection, strays, batches, needed | kept)
    return Cleaned(file_ids=tuple(removed), left=tuple(left), kept=tuple(sorted(kept)))


def _with_record(name: str, below: Iterable[str], files: Iterable[InputFile]) -> list[InputFile]:
    """Those input files of a job that have a record of this name, by a listing of its rounds."""
    told = frozenset(below)
    return [file for file in files if f"{file.round}/{file.name}/{name}" in told]


def has_files_left(job: Job) -> bool:
    """Whether anything of a job may be left at OpenAI, as its records say."""
    cleaned = job.files.read(CLEANED, Cleaned)
    if cleaned is not None:
        return bool(cleaned.left or cleaned.kept)
    return job.has_sent() or any(map(uploads_begun, job.input_files()))


def remove_all_files(connection: Connection, job: Job, ended: Iterable[Batch] = ()) -> list[str]:
    """Delete every remote file of a job, also with rows that could not be read.

    Args:
        connection: Who asks.
        job: A job of which no batch is at work any more.
        ended: Batches of it whose end its records do not know.

    Returns:
        The ids of those that may not be deleted.
    """
    cleaned = job.files.read(CLEANED, Cleaned)
    if cleaned is not None:
        return delete_files(connection, [*cleaned.left, *cleaned.kept], [])[1]
    sent = job.input_files()
    batches = {batch.id: batch for batch in [*job.batches(), *ended, *_twins(connection, sent)]}
    strays = _strays(connection, sent, sent, everywhere=job.key_given)
    return delete_files(connection, strays, [*batches.values()])[1]


def _unread(files: Iterable[InputFile]) -> set[str]:
    """The output and error files that hold more than could be read of them."""
    outputs = [output for file in files if (output := fetched(file)) is not None and not output.all_read]
    found = {
        file_id for output in outputs for file_id in (output.batch.output_file_id, output.batch.error_file_id)
    }
    return {file_id for file_id in found if file_id is not None}


def _twins(connection: Connection, files: Iterable[InputFile]) -> list[Batch]:
    """The cancelled twins of a job's batches."""
    found = []
    for batch_id in (batch_id for file in files for batch_id in twins(file)):
        with suppress(BatchUnknown):
            found.append(connection.batch(batch_id))
    return found


def _strays(
    connection: Connection, files: Iterable[InputFile], held: Container[InputFile], *, everywhere: bool
) -> list[str]:
    """Uploads that got no answer: found by name, and looked for only where there can be any.

    That is where more uploads were begun than have a batch, or one was kept for room that never came, or where the
    job may have been begun `everywhere`, with a record of its uploads that is lost. Only of those `held` an upload
    may be kept; that it was is forgotten before it is deleted.
    """

    def stray_name(file: InputFile) -> str | None:
        begun, is_kept = uploads_begun(file), file in held and kept_upload(file) is not None
        if is_kept:  # a job that is taken up again would send the id of what is gone
            drop_kept_upload(file)
        is_left = everywhere or begun > 1 or (begun and last_seen(file) is None)
        return remote_name(file) if is_left or is_kept else None

    return connection.files_named({name for _, name in side_by_side(stray_name, files) if name is not None})
