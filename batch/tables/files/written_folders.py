"""A table written as a folder of files of a bounded size: `out/` in Parquet, `out/*.csv` as the suffix says.

Its files are `part-00000.parquet` and so on, in the order of the rows, and `_SUCCESS` says that all are there.
On local disks the folder is put in its place when it is whole; elsewhere files of the same names are overwritten,
those of a longer earlier try removed, and `_SUCCESS` comes last.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import IO
from uuid import uuid4

import pyarrow as pa

from ...storage.folders import Folder
from ...storage.locations import open_url
from ...storage.whole_files import hold, short_name, whole_file
from ..table_formats import SUFFIXES
from .dead_tries import OLDER, remove_dead_tries
from .table_writers import EXISTS_ALREADY, refused, write_content

FILE_ROWS = 100_000
"""A file that holds as many rows is followed by another."""

FILE_BYTES = 128 * 1024 * 1024
"""So is one of as many bytes."""

SUCCESS = "_SUCCESS"
"""The file that says that all others are there, as Spark and others write and know it."""

USUAL_SUFFIX = ".parquet"

_OVERTAKEN = frozenset({errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST})
"""Errors of who puts a folder in its place, or aside, where another has just done so."""

_PATTERN = re.compile(r"(?P<folder>(?:.*/)?)\*(?P<suffix>\.[^/*]+)")
_OWN = re.compile(rf"part-\d{{5,}}({'|'.join(map(re.escape, SUFFIXES))})(\.gz)?|{SUCCESS}")


def folder_named(destination: str) -> "WrittenFolder | None":
    """The folder that a destination is: `out/`, or `out/*.csv`; None where it is a file.

    Example:
        ```python
        from prefect_openai_batch.batch.tables.files.written_folders import folder_named

        print(folder_named("s3://lake/answers/*.csv.gz").file(0))
        ```
    """
    if destination.endswith("/"):
        return WrittenFolder(destination, _bare(destination), USUAL_SUFFIX)
    found = _PATTERN.fullmatch(destination)
    return found and WrittenFolder(destination, _bare(found["folder"] or "./"), found["suffix"])


def _bare(folder: str) -> str:
    """A folder without the slash at its end, unless it is the root of a disk or of a protocol."""
    bare = folder.rstrip("/")
    return bare if bare and not bare.endswith(":") else folder


@dataclass(frozen=True)
class WrittenFolder:
    """A folder by its path or URL, as a destination named it, and the suffix of its files."""

    destination: str
    url: str
    suffix: str

    @property
    def is_local(self) -> bool:
        """Whether it lies on this machine's disks."""
        return Folder(self.url).is_local

    @property
    def success(self) -> str:
        """The path or URL of the file that says that it is whole."""
        return Folder(self.url).path(SUCCESS)

    def file(self, number: int) -> str:
        """The path or URL of a file in it."""
        return Folder(self.url).path(self._name(number))

    def own_names(self) -> list[str]:
        """The files in it that are a table's, of ours or of an earlier try."""
        return [name for name in self._names() if _OWN.fullmatch(name)]

    def check(self, kind: str | None, if_exists: str) -> None:
        """Refuse a folder that cannot be written; `kind` is what is there.

        Raises:
            DestinationError: it is a file, holds what is not ours, or a table that may not be replaced.
        """
        if kind == "file":
            raise refused(self.destination, "is a file, and named as a folder; choose another")
        if self.is_local and Path(open_url(self.url)[1]).is_mount():
            raise refused(self.destination, "is where a disk is mounted; name a folder in it")
        self._refuse_strangers()
        if self.own_names() and if_exists == "refuse":
            raise refused(self.destination, EXISTS_ALREADY)

    def write(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        """Write batches of one schema in files of a bounded size, replacing what is there; the number of rows.

        Raises:
            DestinationError: the folder holds what is not ours.
        """
        self._refuse_strangers()
        if not self.is_local:
            return self._write_in_place(schema, batches)
        target = Path(open_url(self.url)[1]).resolve()
        remove_dead_tries(target)
        with _held_folder(made := _beside(target)):
            rows, _ = self._write_files(Folder(str(made)), schema, batches)
            (made / SUCCESS).touch()
            self._put(made, target)
        return rows

    def _write_in_place(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
        folder = Folder(self.url)
        folder.remove(SUCCESS)
        rows, written = self._write_files(folder, schema, batches)
        for name in set(self.own_names()) - written:
            folder.remove(name)
        with folder.create(SUCCESS):
            pass
        return rows

    def _put(self, made: Path, target: Path) -> None:
        """Put a whole folder in its place; an older table's stands aside until it is there.

        So does what another start puts there at the same moment.
        """
        aside = []
        while True:
            try:
                if target.exists():
                    self._refuse_strangers()
                    older = Path(f"{_beside(target)}{OLDER}")
                    target.rename(older)
                    aside.append(older)
                made.rename(target)
                break
            except OSError as error:
                if error.errno not in _OVERTAKEN or not made.exists():
                    raise
        for older in aside:
            shutil.rmtree(older, ignore_errors=True)  # another start may find it, too

    def _write_files(
        self, folder: Folder, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> tuple[int, set[str]]:
        """How many rows were written, and to which files; of no rows there is one file."""
        left = iter(batches)
        rows, written = 0, set()
        for number in count():
            first = next(left, None)
            if first is None and number:
                break
            name = self._name(number)
            with whole_file(folder.path(name)) as file:
                some = [] if first is None else _up_to_bound(chain([first], left), file)
                rows += write_content(name, file, schema, some)
            written.add(name)
        return rows, written

    def _name(self, number: int) -> str:
        return f"part-{number:05d}{self.suffix}"

    def _names(self) -> list[str]:
        filesystem, path = open_url(self.url)
        filesystem.invalidate_cache()
        try:
            listed = filesystem.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        inside = (name.rstrip("/") for name in listed)
        return sorted(name.rsplit("/", 1)[-1] for name in inside if name != path.rstrip("/"))

    def _refuse_strangers(self) -> None:
        names = (name for name in self._names() if not _OWN.fullmatch(name))
        # Elsewhere nothing is removed but what is ours, and a rehearsal may have left a hidden file.
        stranger = next((name for name in names if self.is_local or not name.startswith(".")), None)
        if stranger is not None:
            raise refused(
                self.destination,
                f"holds {stranger}, which is no file of a table written here; name another folder",
            )


def _up_to_bound(batches: Iterable[pa.RecordBatch], file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """As many batches as one file holds: each is written when the next is asked for."""
    rows = 0
    for batch in batches:
        yield batch
        rows += batch.num_rows
        if rows >= FILE_ROWS or file.tell() >= FILE_BYTES:
            return


@contextmanager
def _held_folder(made: Path) -> Iterator[None]:
    """A folder that is written in the block, and that others see to be in work; what is left of it goes."""
    made.mkdir(parents=True)
    descriptor = os.open(made, os.O_RDONLY) if os.name == "posix" else None
    try:
        if descriptor is not None:
            hold(descriptor)
        yield
    finally:
        shutil.rmtree(made, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _beside(target: Path) -> Path:
    return target.with_name(f".{short_name(target.name)}.{uuid4().hex[:8]}")
