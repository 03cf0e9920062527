"""Folders on any fsspec filesystem, in which a file is there whole or not at all.

On local disks a file is written under a temporary name and renamed; elsewhere it is written to local disk
and made visible by one completed upload. Either way nobody ever sees half a file, not even after a kill.
"""

import errno
import fnmatch
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Literal, TypeVar
from uuid import uuid4

from fsspec import AbstractFileSystem
from fsspec.core import split_protocol, url_to_fs
from fsspec.implementations.local import LocalFileSystem
from pydantic import BaseModel, ConfigDict

try:
    import fcntl
except ImportError:  # Windows has none: there nobody knows whether who writes is alive
    fcntl = None  # type: ignore[assignment]


class Record(BaseModel):
    """What a folder keeps of a step that is done: small, frozen, as JSON."""

    model_config = ConfigDict(frozen=True)


AnyRecord = TypeVar("AnyRecord", bound=BaseModel)

OWNER_ONLY = 0o700

SHORT_NAME = 50
"""Characters, of at most four bytes each."""

NO_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
"""Errors of file systems that have no hard links: gcsfuse, some NFS and SMB mounts."""

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az"})

REMOVED_AT_ONCE = 16


PASSING = frozenset({errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EIO)})
"""What s3fs makes of an object store that has too much to do, or fails itself."""


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


@contextmanager
def whole_file(url: str) -> Iterator[IO[bytes]]:
    """Open `url` for writing so that it appears whole when the block ends, or not at all if it raises."""
    filesystem, path = open_url(url)
    if isinstance(filesystem, LocalFileSystem):
        with _renamed_file(Path(path)) as file:
            yield file
        return
    with TemporaryDirectory() as folder:
        local = Path(folder) / "upload"
        with local.open("wb") as file:
            yield file
        if not is_object_store(url):  # that has no folders; s3fs makes a bucket of a name that is misspelled
            filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        filesystem.put_file(str(local), path)


@contextmanager
def _renamed_file(target: Path) -> Iterator[IO[bytes]]:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{short_name(target.name)}.{uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as file:
            hold(file.fileno())
            yield file
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def hold(descriptor: int) -> bool:
    """Hold an open file or folder until it is closed, or the process dies; whether nobody else does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (AttributeError, OSError):
        return False
    return True


def short_name(name: str) -> str:
    """The beginning of a name, to be made longer: file systems take names of at most 255 bytes."""
    return name[:SHORT_NAME]


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

    def names(self, pattern: str = "*") -> list[str]:
        """The names in this folder that match a glob pattern of one level, sorted; not those being written."""
        filesystem, path = _open_fresh(self.url)
        try:
            listed = filesystem.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = {str(name).rstrip("/").rsplit("/", 1)[-1] for name in listed}
        return sorted(name for name in fnmatch.filter(found, pattern) if not name.startswith("."))

    def open(self, name: str) -> IO[bytes]:
        """Open `name` for reading bytes."""
        filesystem, path = _open_fresh(self.path(name))
        file: IO[bytes] = filesystem.open(path, "rb")
        return file

    def create(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """A context manager that writes `name` whole or not at all; see `whole_file`."""
        return whole_file(self.path(name))

    def size(self, name: str) -> int:
        """The size of `name` in bytes."""
        filesystem, path = _open_fresh(self.path(name))
        return int(filesystem.size(path))

    def write(self, name: str, record: BaseModel) -> None:
        """Write a record as JSON, whole or not at all; when this returns, it outlives a power failure."""
        with self.create(name) as file:
            file.write(record.model_dump_json(indent=1).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.path(name))

    def read(self, name: str, kind: type[AnyRecord]) -> AnyRecord | None:
        """The record `name`, or None where it has not been written, or whoever wrote it died in the act."""
        filesystem, path = _open_fresh(self.path(name))
        try:
            # From a place on, or s3fs asks for the size before, and of what is missing lists the folder too.
            content = filesystem.cat_file(path, start=0)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return kind.model_validate_json(content) if content else None

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

    def remove(self, name: str = "") -> None:
        """Remove `name` (or the whole folder); what is not there counts as removed."""
        filesystem, path = _open_fresh(self.path(name) if name else self.url)
        with suppress(FileNotFoundError):
            if is_object_store(self.url):
                _remove_objects(filesystem, path)
            else:
                filesystem.rm(path, recursive=True)


def is_object_store(url: str) -> bool:
    """Whether a URL's files lie in an object store, also behind a cache: `simplecache::s3://lake/a.csv`."""
    protocol, _ = split_protocol(url.rpartition("::")[2])
    return protocol in OBJECT_STORES


def _remove_objects(filesystem: AbstractFileSystem, path: str) -> None:
    """Remove an object, or all below it, one by one.

    Asked for all at once, s3fs takes a name for a pattern, and passes over what it may not remove.
    """

    def remove(name: str) -> None:
        with suppress(FileNotFoundError):
            filesystem.rm_file(name)

    with ThreadPoolExecutor(REMOVED_AT_ONCE) as threads:
        deque(threads.map(remove, filesystem.find(path)), maxlen=0)  # the first error is raised
    filesystem.invalidate_cache()


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
        _write_synced(target, content, "xb")  # an empty claim is one whose owner died before it did anything
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
