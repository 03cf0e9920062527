"""Destinations: where a table is written, as CSV, Parquet or JSONL by its name's suffix.

A table is written in chunks, and its file appears whole or not at all; the same rows give the same bytes.
"""

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from io import BytesIO, StringIO
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import IO, Any, Literal, cast

import pyarrow as pa
import pyarrow.parquet as pq
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from ..errors import DestinationError
from ..storage import open_url, whole_file
from .json_values import json_values
from .row_groups import slices
from .table_formats import KNOWN_SUFFIXES, SUFFIXES, Format, compression_of, separator_of, table_suffix
from .value_texts import json_bytes

TEXT_BYTES = 4 * 1024 * 1024
"""About the most bytes of columns that become text at once: as text and as objects they are many more."""

_PLAIN_CELLS = {str, int, float, NoneType}


def check_destination(path: str, if_exists: Literal["refuse", "replace"] = "refuse") -> None:
    """Refuse a destination that a table cannot be written to, before anything is sent.

    Raises:
        DestinationError: it exists (unless it may be replaced), is a directory, its suffix is unknown, its
            kind of URL cannot be written, or on local disks its folder cannot be written or made.
    """
    try:
        filesystem, place = open_url(path)
    except (ValueError, ImportError) as error:
        raise _refused(path, f"cannot be written: {error}") from error
    _format(path, place)
    if "http" in filesystem.protocol:
        raise _refused(path, "cannot be written over HTTP")
    _refuse_existing(path, _kind_there(path, filesystem, place), if_exists)
    if isinstance(filesystem, LocalFileSystem):
        _refuse_closed_folder(path, Path(place).parent)


def write_table(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches of one schema to a path or URL, replacing what is there; the number of rows written.

    Parquet keeps the schema with its metadata. In CSV null is an empty field, booleans are true and false,
    and lists and nested values are JSON text; in JSONL, one object a line, they stay nested. In both, dates
    and times are ISO 8601, decimals are text, bytes are base64; NaN is null in JSONL.

    Raises:
        DestinationError: the suffix is unknown.
    """
    _format(path, open_url(path)[1])
    with whole_file(path) as file:
        return write_content(path, file, schema, batches)


def write_content(path: str, file: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write into an open file what `write_table` writes to `path`; the number of rows written.

    Raises:
        DestinationError: the suffix is unknown.
    """
    place = open_url(path)[1]
    write = _WRITERS[_format(path, place)]
    with _compressed(file, compression_of(place)) as content:
        return write(content, place, schema, batches)


def _refused(path: str, problem: str) -> DestinationError:
    return DestinationError(f"The destination {path} {problem}.", path=path)


def _format(path: str, place: str) -> Format:
    kind = SUFFIXES.get(table_suffix(place))
    if kind is None:
        raise _refused(path, f"is of no known kind; name it {KNOWN_SUFFIXES}")
    compression = compression_of(place)
    if compression and (compression != "gzip" or kind == "parquet"):
        raise _refused(path, "cannot be compressed that way; CSV and JSONL may end in .gz")
    return kind


def _kind_there(path: str, filesystem: AbstractFileSystem, place: str) -> str | None:
    """Whether a file or a directory is there, or nothing."""
    try:
        return str(filesystem.info(place)["type"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        raise _refused(path, f"cannot be written: {error.strerror or error}") from error


def _refuse_existing(path: str, kind: str | None, if_exists: str) -> None:
    if kind == "directory":
        raise _refused(path, "is a directory; name a file")
    if kind is not None and if_exists == "refuse":
        raise _refused(path, "exists already; choose another, or say that it may be replaced")


def _refuse_closed_folder(path: str, folder: Path) -> None:
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not nearest.is_dir():
        raise _refused(path, f"cannot be written: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _refused(path, f"cannot be written: the folder {nearest} does not let you")


@contextmanager
def _compressed(file: IO[bytes], compression: str | None) -> Iterator[IO[bytes]]:
    if compression is None:
        yield file
        return
    # No name and no time inside, so that the same rows give the same bytes.
    with GzipFile("", "wb", 6, file, mtime=0) as content:
        yield cast(IO[bytes], content)


def _write_parquet(file: IO[bytes], _place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    with pq.ParquetWriter(file, schema, **_kept_as(schema)) as writer:
        for batch in batches:
            for group in slices(batch, rows=batch.num_rows):
                writer.write_batch(group)
            rows += batch.num_rows
    return rows


def _kept_as(schema: pa.Schema) -> dict[str, Any]:
    """How columns are kept: in dictionaries and compressed, but for vectors, of which neither makes less."""
    empty = BytesIO()
    pq.ParquetWriter(empty, schema).close()
    columns = pq.ParquetFile(empty).schema
    leaves = [columns.column(place) for place in range(len(columns.names))]
    vectors = {leaf.path for leaf in leaves if leaf.physical_type == "FLOAT" and leaf.max_repetition_level}
    if not vectors:
        return {}
    others = [leaf.path for leaf in leaves if leaf.path not in vectors]
    compression = dict.fromkeys(others, "snappy") | dict.fromkeys(vectors, "none")
    return {"use_dictionary": others, "write_statistics": others, "compression": compression}


def _write_jsonl(file: IO[bytes], _place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    for piece in _pieces(batches):
        columns = [json_values(column) for column in piece.columns]
        for row in zip(*columns, strict=True):
            file.write(json_bytes(dict(zip(schema.names, row, strict=True))) + b"\n")
        rows += piece.num_rows
    return rows


def _write_csv(file: IO[bytes], place: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    separator = separator_of(place)
    file.write(_csv_text([schema.names], separator))
    rows = 0
    for piece in _pieces(batches):
        cells = [_cells(column) for column in piece.columns]
        file.write(_csv_text(list(zip(*cells, strict=True)), separator))
        rows += piece.num_rows
    return rows


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return chain.from_iterable(slices(batch, size=TEXT_BYTES) for batch in batches)


def _csv_text(rows: list[Any], separator: str) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    if "\r" in text.getvalue():
        # Before Python 3.13 the csv module leaves a carriage return unquoted, and the row could not be read.
        text = StringIO(newline="")
        csv.writer(text, delimiter=separator, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode()


def _cells(column: pa.Array) -> list[Any]:
    values = json_values(column)
    return values if set(map(type, values)) <= _PLAIN_CELLS else [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if type(value) in _PLAIN_CELLS:
        return value
    return json_bytes(value).decode()


_WRITERS: dict[Format, Callable[[IO[bytes], str, pa.Schema, Iterable[pa.RecordBatch]], int]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "jsonl": _write_jsonl,
}
