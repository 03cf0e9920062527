"""Download output and error files, whole."""

from os import SEEK_END
from pathlib import Path

from openai import NotFoundError

from ...batch.errors import DownloadBroken
from ...batch.files.output_files import custom_id_of
from .connection import Connection
from .tries import DOWNLOADING


def download(connection: Connection, file_id: str, target: Path) -> Path:
    """Stream a remote file to a path.

    Raises:
        DownloadBroken: it came cut off, again and again.
        NotFoundError: it is not there.
    """
    return DOWNLOADING.call(connection.download, file_id, target)


def download_lines(connection: Connection, file_id: str, target: Path) -> Path:
    """Stream an output or error file to a path.

    Raises:
        DownloadBroken: it came cut off, again and again, or does not come to be there.
    """
    return DOWNLOADING.call(_download_lines, connection, file_id, target)


def _download_lines(connection: Connection, file_id: str, target: Path) -> Path:
    try:
        return whole_lines(connection.download(file_id, target))
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
        raise DownloadBroken(
            f"The download of {path.name} broke off in the middle of a line, after {size:,} bytes.",
            file_id=path.name,
        )
    return path
