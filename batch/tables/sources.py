"""Sources: where the rows come from. A file is named, looked at, and read in batches of one schema.

CSV stays text exactly as written unless types are given; JSONL gets its types by a first pass over the whole
file; Parquet brings its own.
"""

import hashlib
from collections.abc import Generator, Iterator
from pathlib import PurePosixPath
from typing import Protocol

import orjson
import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from ..form_texts import without_none
from .csv_source import ColumnType, CsvTable, separator_shown
from .jsonl_source import READ_BYTES, JsonlTable
from .parquet_source import ParquetTable
from .row_groups import GROUP_ROWS
from .source_files import SourceFile, find_file
from .table_formats import KNOWN_SUFFIXES, SPREADSHEETS, SUFFIXES, Format, separator_of, table_suffix


class FileSource(BaseModel):
    """A table in one file: CSV, Parquet or JSONL, on disk or at any URL that fsspec reads."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="A file")

    path: str = Field(
        min_length=1,
        title="Path",
        description="Path or URL of the file, as the worker sees it. "
        "CSV and JSONL may be compressed (.gz, .bz2, .xz).",
        examples=["reviews.csv", "s3://my-bucket/reviews.parquet"],
    )
    format: Format | None = Field(
        default=None,
        title="Format",
        description="What the file is, where its name does not say.",
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
        "In JSONL, `text` keeps a column as JSON text, whatever its values are.",
        examples=[{"stars": "integer", "bought_on": "date"}],
        json_schema_extra=without_none,
    )

    limit: int | None = Field(
        default=None,
        gt=0,
        title="Limit",
        description="Only so many rows, from the first on; empty: all.",
        examples=[20],
        json_schema_extra=without_none,
    )

    @property
    def name(self) -> str:
        """What messages call it: its path or URL."""
        return self.path


class _Table(Protocol):
    @property
    def schema(self) -> pa.Schema: ...
    def batches(self) -> Iterator[pa.RecordBatch]: ...


class SourceReader:
    """A source ready to be read: `schema`, and batches of rows by iterating, each time from the beginning."""

    def __init__(self, table: _Table, limit: int | None) -> None:
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


def open_source(source: FileSource, rows: int = GROUP_ROWS) -> SourceReader:
    """Open a source for reading, at most `rows` rows a batch. For JSONL this reads all that is read of it once.

    Raises:
        SourceError: the file is missing, its kind unknown, its header or any line of JSONL malformed.
    """
    file = find_file(source.path)
    return SourceReader(_table(source, file, min(rows, source.limit or rows)), source.limit)


def check_source(source: FileSource) -> tuple[str, ...] | None:
    """The columns' names, from the header alone; None for JSONL, whose columns only a full pass tells.

    Raises:
        SourceError: the file is missing, its kind unknown, or its beginning malformed.
    """
    table = _table(source, find_file(source.path), GROUP_ROWS)
    return None if isinstance(table, JsonlTable) else tuple(table.schema.names)


def digest(source: FileSource) -> str:
    """A hex digest of what a source gives: the file's bytes, and how they are to be read; not its name.

    Raises:
        SourceError: the file is missing or cannot be read, or its kind is unknown.
    """
    file = find_file(source.path)
    kind = _format(source, file)
    # A separator that is seen is seen in the bytes, which are in the digest.
    separator = source.separator or separator_of(file.path) if kind == "csv" else None
    limit = [] if source.limit is None else [source.limit]
    options = [kind, separator, file.compression, source.types or {}, *limit]
    whole = hashlib.sha256(orjson.dumps(options, option=orjson.OPT_SORT_KEYS))
    with file.reading(decompressed=False) as content:
        while block := content.read(READ_BYTES):
            whole.update(block)
    return whole.hexdigest()


def _table(source: FileSource, file: SourceFile, rows: int) -> CsvTable | JsonlTable | ParquetTable:
    kind = _format(source, file)
    types = source.types or {}
    if kind == "csv":
        return CsvTable(file, _separator(source, file), types, rows)
    if source.separator is not None:
        raise file.error(f"a separator is for CSV, and this is {kind}")
    if kind == "jsonl":
        if set(types.values()) - {"text"}:
            raise file.error('JSONL brings its own types; only "text" can be given for a column')
        return JsonlTable(file, types.keys(), rows, source.limit)
    if types:
        raise file.error("Parquet brings its own types; give none")
    return ParquetTable(file, rows)


def _format(source: FileSource, file: SourceFile) -> Format:
    suffix = table_suffix(file.path)
    kind = source.format or SUFFIXES.get(suffix)
    if kind is None and suffix in SPREADSHEETS:
        raise file.error(
            "is a spreadsheet, which is not read here: save its sheet as CSV UTF-8, or write it as Parquet: "
            f"pandas.read_excel({file.url!r}).to_parquet('{PurePosixPath(file.path).stem}.parquet')"
        )
    if kind is None:
        raise file.error(
            f"its name does not say what kind of table it is; name it {KNOWN_SUFFIXES}, or give its format"
        )
    if kind == "parquet" and file.compression:
        raise file.error("a Parquet file is compressed inside; give it as it is")
    return kind


def _separator(source: FileSource, file: SourceFile) -> str:
    usual = separator_of(file.path)
    if source.separator or usual != ",":
        return source.separator or usual
    return separator_shown(file)
