"""Fetch what a batch gave."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from openai import NotFoundError
from prefect import task

from ..batch import clock
from ..batch.errors import BatchNotFinished, RequestError
from ..batch.files.batches import Batch, describe_progress
from ..batch.files.input_files import INPUT, Item, items_of
from ..batch.files.output_files import custom_id_of
from ..batch.jobs.submissions import fetched, has_ended
from ..batch.outcomes.outcome_files import FetchedOutput, write_outcomes
from ..batch.progress import report
from ..batch.requests.endpoints import Endpoint
from ..batch.storage import temporary_folder
from .options import KEPT_AS_JSON
from .remote.connection import Connection, connect
from .remote.downloads import download, download_lines


@task(name="fetch-output", **KEPT_AS_JSON)
def fetch_output(batch: Batch, *, keep_response: bool = True, credentials: str | None = None) -> FetchedOutput:
    """Download a batch's output and error files, and note what became of each of its items.

    Every item that was sent is accounted for, by custom_id over both files. A batch that expired or was
    cancelled gives what it had finished.

    Args:
        batch: A batch that has ended, ours or one that somebody else started.
        keep_response: Whether the whole bodies are kept.
        credentials: The name of a credentials block; None uses OpenAI's environment variables.

    Raises:
        BatchNotFinished: as it is given, the batch has not ended.
        BatchUnknown: OpenAI knows neither the batch nor its file.
        DownloadBroken: a file came cut off, again and again.

    Example:
        ```python
        from prefect_openai_batch import ChatRequest, fetch_output, submit_batch, wait_for_batch

        batch = submit_batch([ChatRequest(model="gpt-5-mini", prompt="Name a colour.").item("colour")])
        answers = fetch_output(wait_for_batch(batch)).frame()
        print(answers[["custom_id", "outcome", "answer"]])
        ```
    """
    file = batch.input_file
    done = fetched(file) if file else None
    if done is not None:
        return done
    if not has_ended(batch, clock.now()):
        raise BatchNotFinished(f"The batch {batch.id} has not ended: {describe_progress([batch])}")
    folder = file.files if file else temporary_folder()
    with connect(credentials) as connection, TemporaryDirectory() as scratch:
        paths = [
            download_lines(connection, file_id, Path(scratch) / name, batch.id)
            for name, file_id in (("output", batch.output_file_id), ("error", batch.error_file_id))
            if file_id is not None
        ]
        items = items_of(file) if file else _items_sent(connection, batch, Path(scratch))
        endpoint = file.endpoint if file else _endpoint(batch)
        output = write_outcomes(batch, endpoint, items, paths, folder, keep_response=keep_response)
    folder.write("fetched.json", output)
    folder.remove(INPUT)
    report("fetch", advance=sum(output.outcomes.values()))
    return output


def _items_sent(connection: Connection, batch: Batch, scratch: Path) -> Iterator[Item] | None:
    """The items of a batch that we have no record of, read from its input file if that is still there."""
    if batch.input_file_id is None:
        return None
    try:
        path = download(connection, batch.input_file_id, scratch / "input")
    except NotFoundError:
        return None
    return enumerate(_custom_ids(path))


def _custom_ids(path: Path) -> Iterator[str]:
    with path.open("rb") as file:
        for line in file:
            custom_id = custom_id_of(line)
            if custom_id is not None:
                yield custom_id


def _endpoint(batch: Batch) -> Endpoint:
    """The endpoint that a batch object names; some servers leave `/v1` out, or name none."""
    name = batch.endpoint or ""
    try:
        return Endpoint(name if name.startswith("/v1/") else f"/v1{name}")
    except ValueError:
        raise RequestError(f"The batch {batch.id} is of no endpoint that is known here: {name!r}.") from None
