"""The table of some files, by what they are and how they are to be read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from ..csv_source import ARROW_TYPES, ColumnType, CsvTable, separator_shown
from ..jsonl_source import JsonlTable
from ..source_files import SourceFile
from ..table_formats import Format, separator_of
from .arrow_source import ArrowTable
from .excel_source import ExcelTable, holding
from .found_files import FoundFiles
from .lossless_types import wider
from .many_files import AlikeFiles, FileTable, FileTables, ManyFiles
from .parquet_source import ParquetTable
from .partitions import Partitions

NAMES: dict[Format, str] = {
    "csv": "CSV",
    "parquet": "Parquet",
    "jsonl": "JSONL",
    "excel": "Excel",
    "arrow": "Arrow",
}
"""What people call the kinds of tables."""


@dataclass(frozen=True)
class Reading:
    """How files are read: what they are, what `FileSource` says of them, and the most rows in a batch."""

    kind: Format
    separator: str | None
    types: Mapping[str, ColumnType]
    sheet: str | None
    limit: int | None
    rows: int


def table_of_files(found: FoundFiles, reading: Reading) -> FileTable:
    """The table of the files that were found: of one as it is, of many as one table with their partitions.

    Raises:
        SourceError: a file is malformed, or the source says of it what is not for its kind.
    """
    if not found.many:
        _refuse_misfits(found.first, reading)
        return _table_of(found.first, _with_separator(reading, found.first))
    types = {name: ARROW_TYPES[kind] for name, kind in reading.types.items()}
    partitions = Partitions(found.files, types, named=found.partitioned)
    own_types = {name: kind for name, kind in reading.types.items() if name not in partitions.names}
    reading = replace(reading, types=own_types)
    _refuse_misfits(found.first, reading)
    if reading.kind == "csv":  # a file of no bytes has no header, and no rows
        found = replace(found, files=tuple(file for file in found.files if not file.is_empty) or (found.first,))
        reading = _with_separator(reading, found.first)
    return ManyFiles(found.files, _tables_of(found, reading), partitions, reading.rows, reading.limit)


def _tables_of(found: FoundFiles, reading: Reading) -> FileTables:
    if reading.kind == "jsonl":
        return JsonlTable(found.files, reading.types.keys(), reading.rows, reading.limit)
    return AlikeFiles(
        found.files,
        lambda file, others: _table_of(file, reading, others),
        reading.limit,
        holds=holding if reading.kind == "excel" else wider,
        untold=ARROW_TYPES["timestamp"] if reading.kind == "csv" else None,
    )


def _table_of(file: SourceFile, reading: Reading, others: pa.Schema | None = None) -> FileTable:
    """The table of one file; `others` is what is known of the other files', where it is one of many."""
    if reading.kind == "csv":
        separator = separator_of(file.path) if reading.separator is None else reading.separator
        return CsvTable(file, separator, reading.types, reading.rows, others)
    if reading.kind == "jsonl":
        return JsonlTable([file], reading.types.keys(), reading.rows, reading.limit)
    if reading.kind == "excel":
        return ExcelTable(file, reading.sheet, reading.types.keys(), reading.rows, others)
    return (ArrowTable if reading.kind == "arrow" else ParquetTable)(file, reading.rows)


def _with_separator(reading: Reading, first: SourceFile) -> Reading:
    """The separator that the first file shows counts for all, but for those whose name tells it."""
    if reading.kind != "csv" or reading.separator is not None or separator_of(first.path) != ",":
        return reading
    return replace(reading, separator=separator_shown(first))


def _refuse_misfits(file: SourceFile, reading: Reading) -> None:
    """What only tables of other kinds are told."""
    kind, name = reading.kind, NAMES[reading.kind]
    if kind != "csv" and reading.separator is not None:
        raise file.error(f"a separator is for CSV, and this is {kind}")
    if kind != "excel" and reading.sheet is not None:
        raise file.error(f"a sheet is for Excel, and this is {name}")
    if kind in ("parquet", "arrow") and reading.types:
        raise file.error(f"{name} brings its own types; give none")
    if kind in ("jsonl", "excel") and set(reading.types.values()) - {"text"}:
        raise file.error(f'{name} brings its own types; only "text" can be given for a column')
