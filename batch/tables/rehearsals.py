"""A table's writing rehearsed before anything is paid: by its own writer, at its own place."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from ..errors import DestinationError
from ..storage.locations import may_pass, open_url
from ..storage.whole_files import short_name, whole_file
from .destinations import first_file_of
from .files.table_writers import write_content
from .files.written_folders import folder_named


def rehearse(path: str, schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> None:
    """Write a table of no rows, and then these rows, beside `path` as they would be written to it; nothing stays.

    Raises:
        DestinationError: the place cannot be written to, or its format cannot hold a column; the message names it.
    """
    for rows in ([], batches):
        content = _content(path, schema, rows)
    beside = _beside(path)
    filesystem, place = open_url(beside)
    try:
        with _new_folders_removed(filesystem, Path(place).parent):
            with whole_file(beside) as file:
                file.write(content)
            try:
                _look_at(path, filesystem, place)
            finally:
                # a key may be allowed to write, and not to delete
                with nullcontext() if _goes_in_place_of_files(path) else suppress(Exception):
                    filesystem.rm_file(place)
    except Exception as error:  # each file system has errors of its own
        if isinstance(error, DestinationError) or may_pass(error):
            raise
        raise DestinationError(f"The destination {path} cannot be written: {error}.", path=path) from error


def _look_at(path: str, filesystem: AbstractFileSystem, place: str) -> None:
    """Look at what was written: whether a table is there is asked again once it is paid for."""
    try:
        filesystem.info(place)
    except PermissionError as error:
        raise DestinationError(
            f"The destination {path} may be written, but not be looked at: {error}. Let whoever runs the job read "
            "there, too, or choose another.",
            path=path,
        ) from error


def _goes_in_place_of_files(path: str) -> bool:
    """Whether files of an earlier table will be removed one by one: of a folder that is not on local disks."""
    folder = folder_named(path)
    return folder is not None and not folder.is_local and bool(folder.own_names())


def _beside(path: str) -> str:
    """A hidden name where writing begins: of a folder on local disks that is beside it."""
    folder = folder_named(path)
    place = path if folder is None else folder.url if folder.is_local else folder.file(0)
    above, slash, name = place.rpartition("/")
    return f"{above}{slash}.{short_name(name)}.{uuid4().hex[:8]}"


def _content(path: str, schema: pa.Schema, batches: Sequence[pa.RecordBatch]) -> bytes:
    file = BytesIO()
    try:
        write_content(first_file_of(path), file, schema, batches)
    except Exception as error:  # whatever the writer of a format, or the type of a column, has to say
        found = unwritable(path, schema, batches)
        if found is None:
            raise
        column, why = found
        raise DestinationError(
            f"The destination {path} cannot hold the column {column.name!r} ({column.type}): {why}. Leave the "
            "column out, or choose another format: .csv, .jsonl or .parquet.",
            path=path,
            column=column.name,
        ) from error
    return file.getvalue()


def unwritable(
    path: str, schema: pa.Schema, batches: Sequence[pa.RecordBatch]
) -> tuple[pa.Field, Exception] | None:
    """The first column of a table that a file of this name cannot hold, and why; None where it holds each."""
    for place, field in enumerate(schema):
        alone = pa.schema([field])
        try:
            for rows in ([], [pa.RecordBatch.from_arrays([one.column(place)], schema=alone) for one in batches]):
                write_content(first_file_of(path), BytesIO(), alone, rows)
        except Exception as error:
            return field, error
    return None


@contextmanager
def _new_folders_removed(filesystem: AbstractFileSystem, folder: Path) -> Iterator[None]:
    """Leave no local folder behind that the block has made."""
    local = isinstance(filesystem, LocalFileSystem)
    new = [one for one in (folder, *folder.parents) if not one.exists()] if local else []
    try:
        yield
    finally:
        for made in new:
            with suppress(OSError):
                made.rmdir()
