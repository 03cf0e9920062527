"""Fetch what a batch gave."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from openai import APIStatusError
from prefect import task

from ..batch import clock
from ..batch.answer_store.answers import Answers
from ..batch.errors import BatchNotFinished, StorageNotShared
from ..batch.files.batches import Batch, BatchStatus, describe_progress
from ..batch.files.input_files import INPUT, InputFile, items_table
from ..batch.files.output_files import custom_id_of
from ..batch.jobs.submissions import fetched, has_ended, is_past, note_fetched, submitted
from ..batch.outcomes.outcome_files import FetchedOutput
from ..batch.requests.endpoints import Endpoint, endpoint_named
from ..batch.requests.items import endpoint_in
from ..batch.schemas.answer_types import AnswerType, as_answer_type
from ..batch.storage.awaiting import storage_awaited
from ..batch.storage.scratch import scratch_folder
from ..batch.temporary_folders import temporary_folder
from ..blocks.databases import keep_answers
from .options import KEPT_AS_JSON
from .remote.connection import NOT_ALLOWED, Connection, connect
from .remote.downloads import download
from .remote.outputs import Sent, read_output
from .remote.tries import pause_for_storage
from .shown.run_names import named


@task(name="fetch-output", task_run_name=named("fetch"), **KEPT_AS_JSON)
def fetch_output(
    batch: Batch,
    *,
    keep_response: bool = True,
    answer: Any = None,
    answers: Answers | None = None,
    credentials: str | None = None,
) -> FetchedOutput:
    """Download a batch's output and error files, and note what became of each of its items.

    Every item that was sent is accounted for, by custom_id over both files. A batch that expired or was
    cancelled gives what it had finished. What was sent is told by our record, or else by the remote input file.
    Where the input file has gone on with another batch, that one is fetched.

    Args:
        batch: A batch that has ended, ours or one that somebody else started.
        keep_response: Whether the whole bodies are kept.
        answer: What each answer is, where they are typed: as the `answer` of a request.
        answers: The answer store of its job, where what came is kept for other jobs.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.

    Raises:
        BatchNotFinished: as it is given, the batch has not ended, or the one that goes on in its place has not.
        BatchUnknown: OpenAI knows neither the batch nor its file.
        DownloadBroken: a file came cut off, again and again.
        RequestError: neither the batch nor what it was sent and gave tells an endpoint that is known here.
        StorageNotShared: the batch is a job's, whose folder is not here.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, fetch_output, submit_batch, wait_for_batch

        batch = submit_batch([ChatRequest(model="gpt-5-mini", prompt="Name a colour.").item("colour")])
        answers = fetch_output(wait_for_batch(batch)).frame()
        print(answers[["custom_id", "outcome", "answer"]])
        ```
    """
    with storage_awaited(pause_for_storage):  # an engine's process knows nothing of the flow's patience
        done = _kept_output(batch.input_file)
        if done is not None:
            return done
        if not has_ended(batch, clock.now()):
            raise BatchNotFinished(f"The batch {batch.id} has not ended: {describe_progress([batch])}")
        try:
            return _fetched_now(batch, as_answer_type(answer), answers, credentials, keep_response=keep_response)
        except Exception:
            done = _kept_output(batch.input_file)  # whoever was first may have removed what was to be read
            if done is None:
                raise
            return done


def _fetched_now(
    batch: Batch,
    typed: AnswerType | None,
    answers: Answers | None,
    credentials: str | None,
    *,
    keep_response: bool,
) -> FetchedOutput:
    """What a batch gave, read from OpenAI and recorded; where another process was first, what that one has."""
    file = batch.input_file
    kept = None if file is None else _kept_items(file)
    folder = temporary_folder() if file is None or kept is None else file.files
    with connect(credentials) as connection, scratch_folder() as scratch:
        batch = _standing(connection, batch)
        sent = _sent(connection, batch, Path(scratch) / "input", kept)
        keep = partial(keep_answers, answers.at(connection.server), file) if answers else None
        output = read_output(connection, batch, sent, folder, keep_response=keep_response, answer=typed, keep=keep)
    output = note_fetched(folder, output)
    folder.remove_file(INPUT)
    return output


def _standing(connection: Connection, batch: Batch) -> Batch:
    """A batch, or the one with which its input file has gone on: no other process would look at that any more.

    Raises:
        BatchNotFinished: that one has not ended, or is still to be created.
    """
    file = batch.input_file
    if file is None or batch.status == BatchStatus.COMPLETED or not is_past(batch):
        return batch
    known = submitted(file)
    if known is not None and known.status != BatchStatus.FAILED:  # of one refused at once OpenAI knows nothing
        known = connection.batch(known.id, file)
    if known is None or not has_ended(known, clock.now()):
        raise BatchNotFinished(
            f"The items of the batch {batch.id} have gone on in another one, which has not ended."
        )
    return known


def _kept_output(file: InputFile | None) -> FetchedOutput | None:
    """What was fetched for an input file before, as long as its outcomes are there."""
    done = None if file is None else fetched(file)
    return done if done is not None and done.is_kept else None


def _kept_items(file: InputFile) -> pa.Table | None:
    """What an input file holds by our record; None where that is not here."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return file.read_items()
    return None


def _sent(connection: Connection, batch: Batch, path: Path, kept: pa.Table | None) -> Sent:
    """What a batch was sent, by our record; else by its input file, if that is still there, brought to a path.

    Raises:
        StorageNotShared: it is a job's, whose folder is not here.
    """
    file = batch.input_file
    if file is not None and kept is not None:
        return Sent(file.endpoint, lambda: kept)
    if file is not None and file.job_key is not None:
        raise StorageNotShared(
            f"The folder {file.folder} of the job {file.job_key!r} is not here. Every worker of a job needs the "
            "same storage: give `storage` as a URL that all of them reach.",
            folder=file.folder,
        )
    named = file.endpoint if file else endpoint_named(batch.endpoint)
    if not _brought(connection, batch.input_file_id, path):
        return Sent(named, None)
    return Sent(named or _first_endpoint(path), partial(_items_in, path))


def _brought(connection: Connection, file_id: str | None, path: Path) -> bool:
    """Whether an input file could be brought to a path: it may be deleted, or not be shown."""
    if file_id is None:
        return False
    try:
        download(connection, file_id, path)
    except APIStatusError as error:
        if error.status_code not in NOT_ALLOWED:
            raise
        return False
    return True


def _items_in(path: Path) -> pa.Table:
    with path.open("rb") as file:
        custom_ids = [custom_id for line in file if (custom_id := custom_id_of(line)) is not None]
    return items_table(range(len(custom_ids)), custom_ids)


def _first_endpoint(path: Path) -> Endpoint | None:
    with path.open("rb") as file:
        return endpoint_in(file.readline())
