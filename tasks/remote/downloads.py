"""Download output and error files, whole."""

from os import SEEK_END
from pathlib import Path

from httpx2 import HTTPError
from openai import NotFoundError, OpenAI

from ...batch.errors import DownloadBroken
from ...batch.files.output_files import custom_id_of

CHUNK_BYTES = 1_048_576


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
