"""Download output and error files, whole."""

from os import SEEK_END
from pathlib import Path

from openai import NotFoundError

from ...batch.errors import DownloadBroken
from ...batch.files.output_files import parse_line
from .connection import Connection
from .tries import DOWNLOADING

BLOCK_BYTES = 65_536


def download(connection: Connection, file_id: str, target: Path) -> Path:
    """Stream a remote file to a path.

    Raises:
        DownloadBroken: it came cut off, again and again; what came last is at the path.
        NotFoundError: it is not there.
    """
    return DOWNLOADING.call(_download, connection, file_id, target)


def download_lines(connection: Connection, file_id: str, target: Path, batch_id: str) -> Path:
    """Stream an output or error file to a path.

    Args:
        connection: Where it is.
        file_id: The file.
        target: The path.
        batch_id: The batch whose file it is: where that is not known either, the account is another one.

    Raises:
        BatchUnknown: it is not there, and neither is the batch.
        DownloadBroken: it came cut off, again and again, or does not come to be there.
    """
    return DOWNLOADING.call(_download_lines, connection, file_id, target, batch_id)


def _download_lines(connection: Connection, file_id: str, target: Path, batch_id: str) -> Path:
    try:
        return _download(connection, file_id, target)
    except NotFoundError as error:  # for a moment after the end a file may not be there yet
        connection.batch(batch_id)
        raise DownloadBroken(f"{file_id} cannot be read: {error.message}", file_id=file_id) from error


def _download(connection: Connection, file_id: str, target: Path) -> Path:
    """A file of the size that the server has of it; where it has none, one that ends with a whole line.

    An answer can end early and well: a proxy that gives up closes a chunked one as if that were all.
    """
    connection.download(file_id, target)
    size, whole = target.stat().st_size, connection.file_bytes(file_id)
    if whole is not None and size < whole:
        raise DownloadBroken(
            f"The download of {file_id} ended after {size:,} of {whole:,} bytes.", file_id=file_id
        )
    if whole != size and breaks_off(target):
        raise DownloadBroken(
            f"The download of {file_id} broke off in the middle of a line, after {size:,} bytes.", file_id=file_id
        )
    return target


def breaks_off(path: Path) -> bool:
    """Whether a file of JSON lines ends in the middle of one; a last line without a line end may be whole."""
    last = _last_line(path).strip()
    if last:
        try:
            parse_line(last)
        except (ValueError, RecursionError):
            return True
    return False


def _last_line(path: Path) -> bytes:
    """What stands after the last line end; memory holds no more than that, and a block."""
    with path.open("rb") as file:
        place, tail = file.seek(0, SEEK_END), b""
        while place and b"\n" not in tail:
            length = min(BLOCK_BYTES, place)
            place -= length
            file.seek(place)
            tail = file.read(length) + tail
    return tail.rpartition(b"\n")[2]
