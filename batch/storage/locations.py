"""Paths and URLs of any fsspec filesystem."""

import errno
import os
from pathlib import Path
from socket import gaierror

from fsspec import AbstractFileSystem
from fsspec.core import split_protocol, url_to_fs
from fsspec.implementations.local import LocalFileSystem

from ..urls import WEB

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})

PASSING = frozenset({errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EIO)})
"""What s3fs makes of an object store that has too much to do, or fails itself."""

UNREACHED = frozenset(
    {
        ("botocore", "ConnectionError"),
        ("botocore", "HTTPClientError"),
        ("aiohttp", "ClientConnectionError"),
        ("google", "TransportError"),
        ("azure", "ServiceRequestError"),
        ("azure", "ServiceResponseError"),
    }
)
"""What connections that fail are called by the clients of s3fs, gcsfs and adlfs, and by whose package."""


def open_url(url: str) -> tuple[AbstractFileSystem, str]:
    """The filesystem of a path or URL, and the path on it; a `~` is the user's home."""
    filesystem, path = url_to_fs(os.fspath(url))
    return filesystem, str(path)


def absolute(url: str) -> str:
    """A URL as it is, a local path from the root: another process may stand in another folder.

    The `/` at its end, which makes a folder of a destination, stays.
    """
    try:
        filesystem, path = open_url(url)
    except (ValueError, ImportError):  # as whoever reads or writes it will say
        return url
    return f"{Path(path)}{'/' * url.endswith('/')}" if isinstance(filesystem, LocalFileSystem) else url


def may_pass(error: Exception) -> bool:
    """Whether a file system may do another time what it could not: nothing is wrong with a name or a right."""
    passing = isinstance(error, OSError) and error.errno in PASSING
    return passing or isinstance(error, ConnectionError | TimeoutError)


def is_away(error: object) -> bool:
    """Whether an error says that a store is away for a while, or cannot be reached: no name or right is wrong.

    A store's own client gives up on it after some seconds. s3fs has no number for most errors of a store that
    fails, such as a proxy's 502, and raises what botocore tells of connections as it is.
    """
    if not isinstance(error, Exception):
        return False
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    is_lasting = any("SSL" in name or "Certificate" in name for _, name in kinds)
    return may_pass(error) or (not is_lasting and bool(kinds & UNREACHED)) or _status(error) >= 500


def is_of_web(url: str) -> bool:
    """Whether a URL's file is a web server's, also behind a cache."""
    return url.rpartition("::")[2].startswith(WEB)


def told_by_web(error: object) -> str:
    """What a web server has answered, or why none did, in words; empty of an error that is of neither."""
    if not (isinstance(error, Exception) and type(error).__module__.partition(".")[0] == "aiohttp"):
        return ""
    status = _status(error)
    if status in (401, 403):
        return f"its server answers {status}: give a URL that is signed, or download the file first"
    if status:
        return f"its server answers {status}"
    if isinstance(getattr(error, "os_error", None), gaierror):
        return "its server's name does not resolve"
    return f"its server cannot be reached: {error or type(error).__name__}"


def _status(error: Exception) -> int:
    """The HTTP status of an answer, as s3fs, gcsfs, Azure's client and aiohttp tell it; 0 where there is none."""
    told = getattr(error.__cause__, "response", None)
    of_s3 = told.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(told, dict) else None
    root = type(error).__module__.partition(".")[0]
    of_others = {"gcsfs": "code", "azure": "status_code", "aiohttp": "status"}.get(root, "")
    status: object = of_s3 or getattr(error, of_others, 0)
    return int(str(status)) if str(status).isdecimal() else 0


def is_object_store(url: str) -> bool:
    """Whether a URL's files lie in an object store, also behind a cache: `simplecache::s3://lake/a.csv`."""
    protocol, _ = split_protocol(url.rpartition("::")[2])
    return protocol in OBJECT_STORES
