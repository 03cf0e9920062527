"""Which files a path means: one file, all of a folder, or those that a glob matches, in the order of their paths.

Hidden files are none of a table's: those whose name, or a folder's below the one that was named, begins with `.`
or `_`, as `_SUCCESS` and `.part.crc` do; a partition's folder, `_day=1`, is not hidden.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.utils import glob_translate

from ...errors import SourceError
from ...storage.awaiting import awaited
from ...storage.locations import is_of_web, may_pass, open_url, told_by_web
from ...urls import is_of_database
from ..source_files import SourceFile

SIGNS = re.compile(r"[*?[]")
"""What makes a glob of a path."""

OF_DATABASE = (
    ". A database is named by an environment variable or a block that holds its URL: SqlSource(database=NAME, …), "
    "--from-sql NAME"
)

OPEN_IN_OFFICE = "~$"
"""How the names of files begin that Excel puts beside a workbook which somebody has open."""

FOLDER_MARK = "_$folder$"
"""How the names of objects end that stand for a folder."""


@dataclass(frozen=True)
class FoundFiles:
    """The files of a source, as they were when it was looked at; `many` where a folder or a glob named them.

    `partitioned` says whether what their folders are called belongs to the table.
    """

    url: str
    files: tuple[SourceFile, ...]
    base: str = ""
    many: bool = False
    partitioned: bool = True

    @property
    def first(self) -> SourceFile:
        """The first file that is not empty, or the first."""
        return next((file for file in self.files if not file.is_empty), self.files[0])

    def relative(self, file: SourceFile) -> str:
        """The name of a file below the folder that was named, with `/` between levels."""
        return file.path.removeprefix(self.base).lstrip("/")


def find_files(url: str) -> FoundFiles:
    """The files at a path or URL: a file, a folder with all that is in it, or a glob (`*`, `**`, `?`, `[ab]`).

    A file whose name holds such a sign is that file.

    Raises:
        SourceError: there is no such file, the folder is empty, the glob matches nothing, or its kind of URL
            cannot be read here.
    """
    try:
        filesystem, path = open_url(url)
        filesystem.invalidate_cache()  # others may have written meanwhile
        return _found(url, filesystem, path)
    except Exception as error:  # each file system has errors of its own
        if isinstance(error, SourceError):
            raise
        if is_of_web(url) and (told := told_by_web(error)):
            raise SourceError(f"{url}: {told}.", path=url) from error
        if may_pass(error):
            raise
        way_out = OF_DATABASE if is_of_database(url) else ""
        raise SourceError(f"{url}: cannot be read: {error}{way_out}", path=url) from error


def would_read(url: str, path: str) -> bool:
    """Whether a source of this URL, a folder or a glob, would read a file of the other, once it is there."""
    try:
        (filesystem, pattern), (other, place) = open_url(url), open_url(path)
    except (ValueError, ImportError):  # as whoever opens it will say
        return False
    if type(filesystem) is not type(other) or _is_hidden(place, base := _base(pattern)):
        return False
    is_glob = SIGNS.search(pattern) and not filesystem.exists(pattern)
    return bool(re.match(glob_translate(pattern), place)) if is_glob else place.startswith(f"{base}/")


def _found(url: str, filesystem: AbstractFileSystem, path: str) -> FoundFiles:
    kind = _kind(filesystem, path)
    if kind == "file" and not url.endswith("/"):
        return FoundFiles(url, (SourceFile(url, filesystem, path),))
    if kind is None and (not SIGNS.search(path) or "http" in filesystem.protocol):
        raise SourceError(f"{url}: there is no such file.", path=url)
    listed = filesystem.glob(path, detail=True) if kind is None else filesystem.find(path, detail=True)
    base = _base(path) if kind is None else path.rstrip("/")
    files = tuple(_visible(url, filesystem, path, base, listed))
    if not files and kind == "file":  # as `reviews.csv/`, where there is no such folder
        return FoundFiles(url, (SourceFile(url, filesystem, path),))
    if not files:
        nothing = "the folder holds no files" if kind else "there is no file that it matches"
        raise SourceError(f"{url}: {nothing}; names that begin with . or _ do not count.", path=url)
    return FoundFiles(url, files, base, many=True)


def _kind(filesystem: AbstractFileSystem, path: str) -> str | None:
    try:
        return str(_info(filesystem, path)["type"])
    except FileNotFoundError:
        return None


@awaited
def _info(filesystem: AbstractFileSystem, path: str) -> dict[str, Any]:
    """What is told of a path; fsspec takes whatever a web server answers for a file that is not there."""
    try:
        told: dict[str, Any] = filesystem.info(path)
    except FileNotFoundError as error:
        cause = error.__cause__
        if cause is not None and told_by_web(cause) and getattr(cause, "status", None) not in (404, 410):
            raise cause from None
        raise
    return told


def _visible(
    url: str, filesystem: AbstractFileSystem, path: str, base: str, listed: dict[str, dict[str, Any]]
) -> Sequence[SourceFile]:
    files = []
    for name, info in sorted(listed.items()):
        if info["type"] == "directory" or name.endswith(("/", FOLDER_MARK)) or _is_hidden(name, base):
            continue
        file = SourceFile(_shown(url, path, name), filesystem, name, info.get("size"))
        # A broken link, or one to a folder, is never left out in silence.
        if info["type"] != "file" and not filesystem.isfile(name):
            raise file.error("is neither a file nor a folder; a link to a folder is not followed")
        files.append(file)
    return files


def _base(path: str) -> str:
    """The folder in which all lies: of a glob, what comes before the first level with one of its signs."""
    if not SIGNS.search(path):
        return path.rstrip("/")
    return "/".join(takewhile(lambda level: not SIGNS.search(level), path.split("/")))


def _is_hidden(name: str, base: str) -> bool:
    *folders, last = PurePosixPath(name.removeprefix(base).lstrip("/")).parts or ("",)
    hidden = any(folder.startswith(".") or (folder.startswith("_") and "=" not in folder) for folder in folders)
    return hidden or last.startswith((".", "_", OPEN_IN_OFFICE))


def _shown(url: str, path: str, name: str) -> str:
    """What a found file is called: as its folder or glob was named, where that is how it is found."""
    return url.rstrip("/").replace(path, name, 1) if path in url else name
