"""Fetch what a batch gave."""

from collections.abc import Iterator
from os import SEEK_END
from pathlib import Path
from tempfile import TemporaryDirectory

from httpx2 import HTTPError
from openai import NotFoundError, OpenAI
from prefect import task

from ..batch import clock
from ..batch.batches import Batch, describe_progress
from ..batch.endpoints import Endpoint
from ..batch.errors import BatchNotFinished, DownloadBroken, RequestError
from ..batch.input_files import INPUT
from ..batch.outcome_files import FetchedOutput, Item, items_of, write_outcomes
from ..batch.output_files import custom_id_of
from ..batch.progress import report
from ..batch.submissions import fetched
from ..blocks import load_credentials
from .creation import temporary_folder
from .retrying import KEPT_AS_JSON, RETRIED

CHUNK_BYTES = 1_048_576


@task(name="fetch-output", **KEPT_AS_JSON, **RETRIED)
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
        DownloadBroken: a file came cut off, again and again.
    """
    file = batch.input_file
    done = fetched(file) if file else None
    if done is not None:
        return done
    if not batch.has_ended(clock.now()):
        raise BatchNotFinished(f"The batch {batch.id} has not ended: {describe_progress([batch])}")
    folder = file.files if file else temporary_folder()
    with load_credentials(credentials).get_client() as client, TemporaryDirectory() as scratch:
        paths = [
            _download_lines(client, file_id, Path(scratch) / file_id)
            for file_id in (batch.output_file_id, batch.error_file_id)
            if file_id is not None
        ]
        items = items_of(file) if file else _items_sent(client, batch, Path(scratch))
        endpoint = file.endpoint if file else _endpoint(batch)
        output = write_outcomes(batch, endpoint, items, paths, folder, keep_response=keep_response)
    folder.write("fetched.json", output)
    folder.remove(INPUT)
    report("fetch", advance=sum(output.outcomes.values()))
    return output


def download(client: OpenAI, file_id: str, target: Path) -> Path:
    """Stream a remote file to a path.

    Raises:
        DownloadBroken: the connection was lost, or the file is shorter than the server said.
    """
    try:
        with client.files.with_streaming_response.content(file_id) as response, target.open("wb") as file:
            for chunk in response.iter_bytes(CHUNK_BYTES):
                file.write(chunk)
    except HTTPError as error:  # while a body is streamed the SDK lets its HTTP library's errors through
        raise _broken(target, f"after {target.stat().st_size:,} bytes: {error}") from error
    expected = None if "content-encoding" in response.headers else response.headers.get("content-length")
    size = target.stat().st_size
    if expected is not None and int(expected) != size:
        raise _broken(target, f"after {size:,} of {int(expected):,} bytes")
    return target


def _download_lines(client: OpenAI, file_id: str, target: Path) -> Path:
    try:
        return whole_lines(download(client, file_id, target))
    except NotFoundError as error:  # for a moment after the end a file may not be there yet
        raise DownloadBroken(f"{file_id} cannot be read: {error.message}", file_id=file_id) from error


def whole_lines(path: Path) -> Path:
    """Make sure that a downloaded output or error file does not end in the middle of a line.

    Raises:
        DownloadBroken: it does; a file of no bytes is whole.
    """
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - 1))
        if file.read() in (b"", b"\n"):
            return path
        file.seek(0)
        *_, last = file
    if custom_id_of(last) is None:
        raise _broken(path, f"in the middle of a line, after {size:,} bytes")
    return path


def _broken(path: Path, where: str) -> DownloadBroken:
    return DownloadBroken(f"The download of {path.name} broke off {where}.", file_id=path.name)


def _items_sent(client: OpenAI, batch: Batch, scratch: Path) -> Iterator[Item] | None:
    """The items of a batch that we have no record of, read from its input file if that is still there."""
    if batch.input_file_id is None:
        return None
    try:
        path = download(client, batch.input_file_id, scratch / batch.input_file_id)
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
