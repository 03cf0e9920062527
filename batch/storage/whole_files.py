"""Files that are there whole or not at all.

On local disks a file is written under a temporary name and renamed; elsewhere it is written to local disk
and made visible by one completed upload. Either way nobody ever sees half a file, not even after a kill.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import uuid4

from fsspec.implementations.local import LocalFileSystem

from .locations import is_object_store, open_url
from .records import Size, remember
from .scratch import scratch_folder

try:
    import fcntl
except ImportError:  # Windows has none: there nobody knows whether who writes is alive
    fcntl = None  # type: ignore[assignment]

SHORT_NAME = 50
"""Characters, of at most four bytes each."""


@contextmanager
def whole_file(url: str) -> Iterator[IO[bytes]]:
    """Open `url` for writing so that it appears whole when the block ends, or not at all if it raises."""
    filesystem, path = open_url(url)
    if isinstance(filesystem, LocalFileSystem):
        with _renamed_file(Path(path)) as file:
            yield file
        return
    with scratch_folder() as folder:
        local = Path(folder) / "upload"
        with local.open("wb") as file:
            yield file
        if not is_object_store(url):  # that has no folders; s3fs makes a bucket of a name that is misspelled
            filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
        filesystem.put_file(str(local), path)
        remember(url, Size(bytes=local.stat().st_size))


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
