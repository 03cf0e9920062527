"""The file of a source: found, opened, decompressed, and named in whatever goes wrong with it."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from lzma import LZMAError
from typing import IO

from fsspec import AbstractFileSystem

from ..errors import SourceError
from ..storage import open_url
from .table_formats import compression_of


@dataclass(frozen=True)
class SourceFile:
    """A file that is there, by its path or URL as it was given."""

    url: str
    filesystem: AbstractFileSystem
    path: str

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
        try:
            compression = self.compression if decompressed else None
            with self.filesystem.open(self.path, "rb", compression=compression) as content:
                yield content
        except (ConnectionError, TimeoutError):
            raise
        except (OSError, EOFError, zlib.error, LZMAError) as error:
            raise self.error(f"cannot be read: {error}") from error

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
        return SourceError(f"{where}: {problem}.", path=self.url, **known)


def find_file(url: str) -> SourceFile:
    """The file at a path or URL.

    Raises:
        SourceError: there is no such file, it is a directory, or its kind of URL cannot be read here.
    """
    try:
        filesystem, path = open_url(url)
        kind = filesystem.info(path)["type"]
    except (ConnectionError, TimeoutError):
        raise
    except FileNotFoundError:
        raise SourceError(f"{url}: there is no such file.", path=url) from None
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(f"{url}: cannot be read: {error}", path=url) from error
    if kind == "directory":
        raise SourceError(f"{url}: is a directory; name one file.", path=url)
    return SourceFile(url, filesystem, path)
