"""The file of a source: opened, decompressed, and named in whatever goes wrong with it."""

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from typing import IO
from zipfile import BadZipFile, ZipFile

from fsspec import AbstractFileSystem

from ..errors import SourceError
from ..storage.locations import told_by_web
from .table_formats import compression_of


@dataclass(frozen=True)
class SourceFile:
    """A file that is there, by its path or URL as it was given."""

    url: str
    filesystem: AbstractFileSystem
    path: str
    size: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it is known to have no bytes."""
        return self.size == 0

    @property
    def compression(self) -> str | None:
        """How the file is compressed, as fsspec calls it."""
        return compression_of(self.path)

    @contextmanager
    def reading(self, *, decompressed: bool = True) -> Iterator[IO[bytes]]:
        """Open the file for reading, its bytes decompressed or as they stand.

        Raises:
            SourceError: it cannot be read, or its compression is broken. A connection that fails is no fault
                of the source, and is raised as it is.
        """
        compression = self.compression if decompressed else None
        zipped = compression == "zip"
        try:
            with ExitStack() as stack:
                way = None if zipped else compression
                content = stack.enter_context(self.filesystem.open(self.path, "rb", compression=way))
                archive = stack.enter_context(ZipFile(content)) if zipped else None
                yield stack.enter_context(self._only_file(archive)) if archive else content
        except (ConnectionError, TimeoutError):
            raise
        except (OSError, EOFError, zlib.error, LZMAError, BadZipFile) as error:
            if isinstance(error, BadZipFile) and not zipped:  # a workbook's, whose reader says so
                raise
            told = told_by_web(error) or told_by_web(error.__cause__)  # of what fsspec says is not there
            raise self.error(told or f"cannot be read: {error}") from error
        except Exception as error:
            if told := told_by_web(error):
                raise self.error(told) from error
            raise

    def _only_file(self, archive: ZipFile) -> IO[bytes]:
        names = [member.filename for member in archive.infolist() if not member.is_dir()]
        names = [name for name in names if not name.startswith("__MACOSX/")]  # where a Mac keeps a file's icon
        if len(names) != 1:
            found = f"{len(names):,}, {', '.join(names[:3])}{', …' * (len(names) > 3)}" if names else "none"
            raise self.error(f"a .zip is read if it holds one file, and this holds {found}; unpack it")
        try:
            return archive.open(names[0])
        except RuntimeError as error:  # a password, or a way to compress that Python does not know
            raise self.error(f"cannot be read: {error}; unpack it") from None

    def error(
        self, problem: str, *, row: int | None = None, column: str | None = None, line: int | None = None
    ) -> SourceError:
        """The error that says where in this file the problem is; rows count from 0, lines from 1."""
        row_named = None if row is None else f"row {row + 1:,}"
        line_named = None if line is None else f"line {line:,}"
        column_named = None if column is None else f"column {column!r}"
        if row_named and line_named:
            row_named, line_named = f"{row_named} ({line_named})", None
        where = ", ".join(name for name in (self.url, row_named, line_named, column_named) if name)
        details = {"row": row, "column": column, "line": line}
        known = {name: value for name, value in details.items() if value is not None}
        return SourceError(f"{where}: {problem.rstrip('.')}.", path=self.url, **known)
