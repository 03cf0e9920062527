"""Folders on any fsspec filesystem, in which a file is there whole or not at all."""

import errno
import fnmatch
import os
import time
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Literal
from uuid import uuid4

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractBufferedFile
from pydantic import BaseModel

from ..side_by_side import side_by_side
from .awaiting import awaited
from .locations import is_object_store, open_url
from .records import AnyRecord, Size, names_once, remember, remembered
from .whole_files import whole_file

OWNER_ONLY = 0o700

NO_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""Errors of file systems that have no hard links: gcsfuse, some NFS and SMB mounts."""

WRITING_PAUSES = (0.1, 0.4, 1.5)
"""Between looks, in seconds, at a record that somebody has claimed and not written yet."""

READ_WHOLE_BYTES = 8_000_000
"""A file elsewhere that is no larger is read by one call, and not by one for each part that is asked for."""


@dataclass(frozen=True)
class Folder:
    """A folder by its path or URL; names inside it are relative, with `/` between levels."""

    url: str

    def __truediv__(self, name: str) -> "Folder":
        """The folder `name` inside this one."""
        return Folder(self.path(name))

    def path(self, name: str) -> str:
        """The path or URL of `name` in this folder."""
        return f"{self.url.rstrip('/')}/{name}"

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine's disks, where others may not see it."""
        return isinstance(open_url(self.url)[0], LocalFileSystem)

    @awaited
    def exists(self, name: str = "") -> bool:
        """Whether `name` (or the folder itself) is there."""
        filesystem, path = _open_fresh(self.path(name) if name else self.url)
        return bool(filesystem.exists(path))

    def make(self) -> None:
        """Make the folder, on local disks readable by its owner only: it holds people's data."""
        filesystem, path = open_url(self.url)
        if isinstance(filesystem, LocalFileSystem):
            Path(path).mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        elif not is_object_store(self.url):
            filesystem.makedirs(path, exist_ok=True)

    @awaited
    def names(self, pattern: str = "*") -> list[str]:
        """The names in this folder that match a glob pattern of one level, sorted; not those being written."""
        filesystem, path = _open_fresh(self.url)
        try:
            listed = filesystem.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = {str(name).rstrip("/").rsplit("/", 1)[-1] for name in listed}
        return sorted(name for name in fnmatch.filter(found, pattern) if not name.startswith("."))

    def listed(self, pattern: str = "*") -> list[str]:
        """The same; in a block of `listed_once` as they were when they were first asked for."""
        return fnmatch.filter(names_once(self.url, self.names), pattern)

    @awaited
    def below(self) -> list[str]:
        """The names of the files in this folder and in those within it, by one listing of an object store.

        Raises:
            OSError: a folder cannot be listed; one that is not there is empty.
        """
        filesystem, path = _open_fresh(self.url)
        if not isinstance(filesystem, LocalFileSystem):
            return [str(name).removeprefix(f"{path.rstrip('/')}/") for name in filesystem.find(path)]
        # not `find`: it takes a folder that cannot be listed for an empty one
        found = os.walk(path, onerror=_raise_unless_gone, followlinks=True)
        return [(Path(folder) / name).relative_to(path).as_posix() for folder, _, names in found for name in names]

    @awaited
    def open(self, name: str) -> IO[bytes]:
        """Open `name` for reading bytes."""
        filesystem, path = _open_fresh(self.path(name))
        written = remembered(self.path(name), Size)
        if written is not None and 0 < written.bytes <= READ_WHOLE_BYTES:  # else it is asked for its size before
            return BytesIO(filesystem.cat_file(path, start=0))
        file: IO[bytes] = filesystem.open(path, "rb")
        if isinstance(file, AbstractBufferedFile) and file.size <= READ_WHOLE_BYTES:
            with file:
                return BytesIO(file.read())
        return file

    def create(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A context manager that writes `name` whole or not at all; see `whole_file`."""
        return whole_file(self.path(name))

    @awaited
    def size(self, name: str) -> int:
        """The size of `name` in bytes."""
        filesystem, path = _open_fresh(self.path(name))
        return int(filesystem.size(path))

    @awaited
    def write(self, name: str, record: BaseModel) -> None:
        """Write a record as JSON, whole or not at all; when this returns, it outlives a power failure."""
        with self.create(name) as file:
            file.write(record.model_dump_json(indent=1).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.path(name))

    @awaited
    def read(self, name: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """The record `name`, or None where it has not been written, or whoever wrote it died in the act."""
        filesystem, path = _open_fresh(self.path(name))
        try:
            # From a place on, or s3fs asks for the size before, and of what is missing lists the folder too.
            content = filesystem.cat_file(path, start=0)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return kind.model_validate_json(content) if content else None

    def write_first(self, name: str, record: AnyRecord) -> AnyRecord:
        """Write a record that stays as it is, unless somebody was first; the one that stands there then."""
        if not self.claim(name, record):
            first = self._read_claimed(name, type(record))
            if first is None:  # who claimed it died in the act
                self.write(name, record)
            record = first or record
        remember(self.path(name), record)
        return record

    def _read_claimed(self, name: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """The record `name` that somebody has claimed: without hard links it may be written only now."""
        for seconds in WRITING_PAUSES:
            if (found := self.read(name, kind)) is not None:
                return found
            time.sleep(seconds)
        return self.read(name, kind)

    def write_settled(self, name: str, record: BaseModel) -> None:
        """Write a record which from now on this process alone replaces, and remember it."""
        self.write(name, record)
        remember(self.path(name), record)

    def read_settled(self, name: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """The record `name` that stays as it is once it is there: see `settled_records_remembered`."""
        path = self.path(name)
        record = remembered(path, kind)
        if record is None and (record := self.read(name, kind)) is not None:
            remember(path, record)
        return record

    def claim(self, name: str, record: BaseModel) -> bool:
        """Write a record only if it is not there yet; whether this call was the one that wrote it.

        Where a store gives another reason for not writing, as some do of what is there, it is looked for.
        """
        content = record.model_dump_json(indent=1).encode() + b"\n"
        filesystem, path = open_url(self.path(name))
        try:
            if isinstance(filesystem, LocalFileSystem):
                _claim_local(Path(path), content)
            else:
                filesystem.pipe_file(path, content, mode="create")
        except FileExistsError:
            return False
        except OSError:
            if not self.exists(name):
                raise
            return False
        return True

    @awaited
    def remove_file(self, name: str) -> None:
        """Remove the file `name`, by one call; what is not there counts as removed."""
        filesystem, path = _open_fresh(self.path(name))
        with suppress(FileNotFoundError):
            filesystem.rm_file(path)

    @awaited
    def remove(self, name: str = "") -> None:
        """Remove `name` (or the whole folder); what is not there counts as removed."""
        filesystem, path = _open_fresh(self.path(name) if name else self.url)
        with suppress(FileNotFoundError):
            if is_object_store(self.url):
                _remove_objects(filesystem, path)
            else:
                filesystem.rm(path, recursive=True)


def _remove_objects(filesystem: AbstractFileSystem, path: str) -> None:
    """Remove an object, or all below it, one by one.

    Asked for all at once, s3fs takes a name for a pattern, and passes over what it may not remove.
    """

    def remove(name: str) -> None:
        with suppress(FileNotFoundError):
            filesystem.rm_file(name)

    side_by_side(remove, filesystem.find(path))
    filesystem.invalidate_cache()


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _open_fresh(url: str) -> tuple[AbstractFileSystem, str]:
    """As `open_url`, with nothing remembered of what other processes may have changed since."""
    filesystem, path = open_url(url)
    filesystem.invalidate_cache()
    return filesystem, path


def _claim_local(target: Path, content: bytes) -> None:
    """Link a finished temporary file to its name: exclusive, never seen half written, and safe on the disk."""
    temporary = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    _write_synced(temporary, content, "wb")
    try:
        os.link(temporary, target)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        _write_synced(target, content, "xb")  # an empty one is being written, or its owner died before it did more
        if target.read_bytes() != content:
            raise FileExistsError(target) from None  # that took so long that somebody has taken us for dead
    finally:
        temporary.unlink()
    _sync_folder(str(target))


def _write_synced(path: Path, content: bytes, mode: Literal["wb", "xb"]) -> None:
    with path.open(mode) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(url: str) -> None:
    """Let a new name in a local folder outlive a power failure; elsewhere a completed upload does."""
    filesystem, path = open_url(url)
    if isinstance(filesystem, LocalFileSystem) and os.name == "posix":
        folder = os.open(Path(path).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
