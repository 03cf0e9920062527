"""Destinations: where a table is written, as CSV, Parquet or JSONL by its name's suffix.

A table is written in chunks, and its file appears whole or not at all; the same rows give the same bytes. A folder
of files is a destination too: see `written_folders`.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pyarrow as pa
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from ..errors import DestinationError, SourceError
from ..storage.locations import may_pass, open_url
from ..storage.whole_files import whole_file
from ..urls import is_of_database
from .files.dead_tries import remove_dead_tries
from .files.found_files import would_read
from .files.table_writers import EXISTS_ALREADY, refused, write_content, written_format
from .files.written_folders import folder_named
from .parts import part_name

OF_DATABASE = (
    ". A table of a database is named by an environment variable or a block: SqlDestination(database=NAME, …), "
    "--to-sql NAME"
)


def check_destination(path: str, if_exists: Literal["refuse", "replace"] = "refuse") -> None:
    """Refuse a destination that a table cannot be written to, before anything is sent.

    Raises:
        DestinationError: it exists (unless it may be replaced), is a directory that is not named as one, a folder
            with files of others in it, its suffix is unknown, its kind of URL cannot be written, or on local
            disks its folder cannot be written or made.
    """
    folder = folder_named(path)
    try:
        filesystem, place = open_url(path if folder is None else folder.url)
    except (ValueError, ImportError) as error:
        way_out = OF_DATABASE if is_of_database(path) else ""
        raise refused(path, f"cannot be written: {error}{way_out}") from error
    if "http" in filesystem.protocol:
        raise refused(path, "cannot be written over HTTP")
    kind = _kind_there(path, filesystem, place)
    if folder is None and kind == "directory":
        raise refused(path, f"is a directory; name a file, or {path}/ to write the table into it in many files")
    written_format(first_file_of(path), path)
    if folder is not None:
        folder.check(kind, if_exists)
    elif kind is not None and if_exists == "refuse":
        raise refused(path, EXISTS_ALREADY)
    if isinstance(filesystem, LocalFileSystem):
        _refuse_closed_folder(path, Path(place).parent)


def write_table(path: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches of one schema to a path or URL, replacing what is there; the number of rows written.

    Parquet keeps the schema with its metadata. In CSV null is an empty field, booleans are true and false,
    and lists and nested values are JSON text; in JSONL, one object a line, they stay nested. In both, dates
    and times are ISO 8601, decimals are text, bytes are base64; NaN is null in JSONL.

    Raises:
        DestinationError: the suffix is unknown, or a folder holds what is not its own.
    """
    written_format(first_file_of(path), path)
    folder = folder_named(path)
    if folder is not None:
        return folder.write(schema, batches)
    filesystem, place = open_url(path)
    if isinstance(filesystem, LocalFileSystem):
        remove_dead_tries(Path(place))
    with whole_file(path) as file:
        return write_content(path, file, schema, batches)


def check_apart(source: str, destination: str, job_folder: str) -> None:
    """Refuse a source in which a job would find what it writes itself.

    Raises:
        DestinationError: the destination is the source, or lies among its files.
        SourceError: the job's folder does.
    """
    if destination == source:
        raise DestinationError(f"The destination {destination} is the source itself; choose another.", path=source)
    if would_read(source, first_file_of(destination)):
        problem = f"lies among the files of the source {source}, which another run would read; choose another"
        raise refused(destination, problem)
    if would_read(source, f"{job_folder}/{part_name(0)}"):
        problem = f"the job's own folder {job_folder} lies in it; choose another storage"
        raise SourceError(f"{source}: {problem}.", path=source)


def first_file_of(path: str) -> str:
    """The file that a destination is, or the first of its folder."""
    folder = folder_named(path)
    return path if folder is None else folder.file(0)


def is_written(path: str) -> bool:
    """Whether a table stands at a destination, whole."""
    folder = folder_named(path)
    filesystem, place = open_url(path if folder is None else folder.success)
    filesystem.invalidate_cache()  # another worker may have written it
    return bool(filesystem.exists(place))


def is_taken(path: str) -> bool:
    """Whether anything of a table stands at a destination, be it whole or not."""
    folder = folder_named(path)
    if folder is not None:
        return bool(folder.own_names())
    filesystem, place = open_url(path)
    return bool(filesystem.exists(place))


def _kind_there(path: str, filesystem: AbstractFileSystem, place: str) -> str | None:
    """Whether a file or a directory is there, or nothing."""
    try:
        return str(filesystem.info(place)["type"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except Exception as error:  # a name that is too long, a folder that may not be looked into, no credentials
        if may_pass(error):
            raise
        raise refused(path, f"cannot be written: {getattr(error, 'strerror', None) or error}") from error


def _refuse_closed_folder(path: str, folder: Path) -> None:
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not nearest.is_dir():
        raise refused(path, f"cannot be written: {nearest} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise refused(path, f"cannot be written: the folder {nearest} does not let you")
