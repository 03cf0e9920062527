"""Sources: where the rows come from. Files are named, looked at, and read in batches of one schema.

CSV stays text exactly as written unless types are given; JSONL and Excel get their types by a first pass over the
whole table; Parquet and Arrow bring their own.
"""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Annotated

import orjson
import pyarrow as pa
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ..form_texts import without_none
from ..urls import as_text
from ..watermarks.watermark import Watermark
from .csv_source import ColumnType
from .files.file_tables import NAMES, Reading, table_of_files
from .files.found_files import FoundFiles, find_files
from .files.many_files import FileTable
from .files.partitions import partition_values
from .jsonl_source import READ_BYTES
from .row_groups import GROUP_ROWS
from .source_files import SourceFile
from .table_formats import KNOWN_SUFFIXES, PACKED, SPREADSHEETS, SUFFIXES, Format, separator_of, table_suffix

RowLimit = Annotated[
    int | None,
    Field(
        gt=0,
        title="Limit",
        description="Only so many rows, from the first on; empty: all.",
        examples=[20],
        json_schema_extra=without_none,
    ),
]
"""The field of every source that says how many rows of it are read."""

NewRowsBy = Annotated[
    Watermark | None,
    Field(
        title="Only what is new",
        description="Takes only rows that no finished run has taken, by a column that grows with the table. Needs "
        "an answer store.",
        examples=[{"column": "updated_at", "lag": "2h"}],
    ),
]
"""The field of every source that says by which column new rows are told.

A form draws it with "None" to choose: without that it would send the fields within, of which one is required.
"""


class FileSource(BaseModel):
    """A table in one file or many, of CSV, Parquet, JSONL, Excel or Arrow: on disk, or at any URL fsspec reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="A file")

    path: Annotated[str, BeforeValidator(as_text)] = Field(
        min_length=1,
        title="Path",
        description="Path or URL of the file, as the worker sees it; or of a folder, or a glob: many files that "
        "are one table. CSV and JSONL may be compressed (.gz, .bz2, .xz, a .zip of one file).",
        examples=["reviews.csv", "s3://my-bucket/reviews/", "s3://my-bucket/day=*/*.parquet"],
    )
    format: Format | None = Field(
        default=None,
        title="Format",
        description="What the files are, where their names do not say.",
        examples=["csv"],
        json_schema_extra=without_none,
    )
    separator: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        title="Separator",
        description="What stands between the fields of a CSV file; empty: what its header and first rows show, "
        "else a comma (in .tsv: a tab).",
        examples=[";"],
        json_schema_extra=without_none,
    )
    types: dict[str, ColumnType] | None = Field(
        default=None,
        title="Column types",
        description="In CSV, columns that are more than text as written; their empty fields become null. "
        "In JSONL, `text` keeps a column as JSON text, whatever its values are; in Excel as text.",
        examples=[{"stars": "integer", "bought_on": "date"}],
        json_schema_extra=without_none,
    )
    sheet: str | None = Field(
        default=None,
        min_length=1,
        title="Sheet",
        description="Which sheet of an Excel file; empty: the first.",
        examples=["Reviews"],
        json_schema_extra=without_none,
    )
    limit: RowLimit = None
    watermark: NewRowsBy = None

    @property
    def name(self) -> str:
        """What messages call it: its path or URL."""
        return self.path


class SourceReader:
    """A source ready to be read: `schema`, and batches of rows by iterating, each time from the beginning."""

    def __init__(self, table: FileTable, limit: int | None) -> None:
        self._table = table
        self._limit = limit
        self.schema = table.schema

    def __iter__(self) -> Generator[pa.RecordBatch, None, None]:
        """The rows in order, in batches of about 32 MB at most; none where the table has no rows.

        Raises:
            SourceError: the table is broken; the message names file, row and column.
        """
        left = self._limit
        for batch in self._table.batches():
            yield batch if left is None else batch.slice(0, left)
            left = None if left is None else left - batch.num_rows
            if left is not None and left <= 0:
                return


def open_source(source: FileSource, rows: int = GROUP_ROWS, *, partitions: bool = True) -> SourceReader:
    """Open a source for reading, at most `rows` rows a batch. Which files it has is looked up here, once.

    Of JSONL and Excel this reads all that is read of it once, of many files the columns of each. Without
    `partitions` nothing is made of their folders' names.

    Raises:
        SourceError: a file is missing, its kind unknown, its header or any line of JSONL malformed, or files
            differ in their columns.
    """
    found = replace(find_files(source.path), partitioned=partitions)
    return SourceReader(_table(source, found, min(rows, source.limit or rows)), source.limit)


def check_source(source: FileSource) -> tuple[str, ...] | None:
    """The columns' names, from the first file's header alone; None for JSONL and Excel, which a full pass tells.

    Raises:
        SourceError: a file is missing or its kind unknown, or the beginning of the first malformed.
    """
    found = find_files(source.path)
    kind = _format(source, found.files)
    table = _table(source, replace(found, files=(found.first,)), GROUP_ROWS)
    return None if kind in ("jsonl", "excel") else tuple(table.schema.names)


def digest(source: FileSource) -> str:
    """A hex digest of what a source gives: the file's bytes, and how they are to be read; not its name.

    Of a folder or a glob: the bytes of all files, their names below the folder, and what their partitions say.

    Raises:
        SourceError: a file is missing or cannot be read, or its kind is unknown.
    """
    found = find_files(source.path)
    kind = _format(source, found.files)
    whole = hashlib.sha256(orjson.dumps(_read_as(source, found.files[0], kind), option=orjson.OPT_SORT_KEYS))
    for file in found.files:
        if found.many:
            content = hashlib.sha256()
            _add_bytes(content, file)
            told = [found.relative(file), partition_values(file), content.hexdigest()]
            whole.update(orjson.dumps(told))
        else:
            _add_bytes(whole, file)
    return whole.hexdigest()


def _read_as(source: FileSource, file: SourceFile, kind: Format) -> list[object]:
    # A separator that is seen is seen in the bytes, which are in the digest.
    separator = source.separator or separator_of(file.path) if kind == "csv" else None
    limit = [] if source.limit is None else [source.limit]
    sheet = [] if source.sheet is None else [{"sheet": source.sheet}]
    return [kind, separator, file.compression, source.types or {}, *limit, *sheet]


def _add_bytes(digest: "hashlib._Hash", file: SourceFile) -> None:
    with file.reading(decompressed=False) as content:
        while block := content.read(READ_BYTES):
            digest.update(block)


def _table(source: FileSource, found: FoundFiles, rows: int) -> FileTable:
    kind = _format(source, found.files)
    reading = Reading(kind, source.separator, source.types or {}, source.sheet, source.limit, rows)
    return table_of_files(found, reading)


def _format(source: FileSource, files: Sequence[SourceFile]) -> Format:
    """What all files are, by the source or by their names."""
    kind = _format_of(source, files[0], alone=len(files) == 1)
    for file in files:
        other = _format_of(source, file, alone=len(files) == 1)
        if other != kind:
            raise file.error(f"is {other}, and {files[0].url} is {kind}; the files of a table are of one kind")
    return kind


def _format_of(source: FileSource, file: SourceFile, *, alone: bool) -> Format:
    suffix = table_suffix(file.path)
    kind = source.format or SUFFIXES.get(suffix)
    if suffix in PACKED:
        raise file.error(
            "is compressed in a way that is not read here: .gz, .bz2, .xz and a .zip of one file are; unpack it, "
            "or compress it so"
        )
    if kind is None and suffix in SPREADSHEETS:
        raise file.error(
            "is a spreadsheet of a kind that is not read here: save it as .xlsx, or write it as Parquet: "
            f"pandas.read_excel({file.url!r}).to_parquet('{PurePosixPath(file.path).stem}.parquet')"
        )
    if kind is None:
        ways = f"name it {KNOWN_SUFFIXES}, or give its format"
        ways += "" if alone else "; a glob, such as *.csv, takes some files of a folder"
        raise file.error(f"its name does not say what kind of table it is; {ways}")
    if kind in ("parquet", "arrow", "excel") and file.compression:
        raise file.error(f"{NAMES[kind]} is compressed inside; give the file as it is")
    return kind
