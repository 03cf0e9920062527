"""Many files read as one table, one after the other: no footer is kept, and only a few files are open at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import islice
from typing import Protocol

import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from ...errors import SourceError
from ..row_groups import gathered
from ..source_files import SourceFile
from .lossless_types import DifferentTypesError, wider
from .partitions import Partitions

FILES_AT_ONCE = 8
"""Files of an object store whose columns are looked at together; their rows are read one file after the other."""


class FileTable(Protocol):
    """The table of one file."""

    @property
    def schema(self) -> pa.Schema:
        """Its columns."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows, in order."""


class FileTables(Protocol):
    """The tables of many files, of one schema."""

    @property
    def schema(self) -> pa.Schema:
        """The columns that all of them have."""

    def batches_of(self, file: SourceFile, limit: int | None) -> Iterator[pa.RecordBatch]:
        """The rows of one of them, or so many of them, in order."""


Open = Callable[[SourceFile, pa.Schema], FileTable]
"""Opens a file, with what is known of the other files' columns."""


class ManyFiles:
    """The rows of many files, in the order of the files, with what their folders say."""

    def __init__(
        self,
        files: Sequence[SourceFile],
        tables: FileTables,
        partitions: Partitions,
        rows: int,
        limit: int | None,
    ) -> None:
        """Nothing is read yet; `rows` is the most a batch holds, `limit` about the most that are read of all."""
        self._files = files
        self._tables = tables
        self._partitions = partitions
        self._rows = rows
        self._limit = limit

    @cached_property
    def schema(self) -> pa.Schema:
        """The files' columns, then those of their partitions.

        Raises:
            SourceError: a file is no table, or its columns are others than those of the first.
        """
        return self._partitions.added_to(self._tables.schema)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order; those of small files come together.

        Raises:
            SourceError: a file is broken, or is not there any more.
        """
        return gathered(self._batches(), self._rows)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        left = self._limit
        for file in self._files:
            first = 0
            for batch in self._tables.batches_of(file, left):
                yield self._partitions.joined(file, batch, first, self.schema)
                first += batch.num_rows
            left = None if left is None else left - first
            if left is not None and left <= 0:
                return


class AlikeFiles:
    """Files that name their columns each by itself: they must have the same, of types that one type holds.

    The order of the columns is the first file's. What their schemas say besides counts where all say the same.
    """

    def __init__(
        self,
        files: Sequence[SourceFile],
        open_file: Open,
        limit: int | None,
        *,
        untold: pa.DataType | None = None,
        holds: Callable[[pa.DataType, pa.DataType], pa.DataType] = wider,
    ) -> None:
        """Nothing is read yet.

        Args:
            files: The files.
            open_file: How one is opened.
            limit: How many rows are read of all; files behind them are not looked at.
            untold: The type of a column of which no file tells it; None leaves it null.
            holds: Gives the type that holds two, or raises DifferentTypesError.
        """
        self._files = files
        self._open = open_file
        self._limit = limit
        self._untold = untold
        self._holds = holds

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of all files.

        Raises:
            SourceError: a file is no table, or its columns are others than those of the first; both are named.
        """
        each = self._schemas()
        first, known = next(each)
        told_by = _told(known, first)
        for file, schema in each:
            _refuse_other_names(first, known, file, schema)
            known = self._both(told_by, known, file, schema)
            told_by = _told(schema, file) | told_by
        return known if self._untold is None else _with_type(known, self._untold)

    def batches_of(self, file: SourceFile, limit: int | None) -> Iterator[pa.RecordBatch]:
        """The rows of one file, in order; what lies beyond `limit` may come too.

        Raises:
            SourceError: it is broken, is not there any more, or holds a value that the common type cannot.
        """
        table, first = self._open(file, self.schema), 0
        if set(table.schema.names) != set(self.schema.names):
            raise file.error("changed while it was being read")
        for batch in table.batches():
            yield _converted(file, batch, first, self.schema)
            first += batch.num_rows
            if limit is not None and first >= limit:
                return

    def _schemas(self) -> Iterator[tuple[SourceFile, pa.Schema]]:
        if self._limit is None and not isinstance(self._files[0].filesystem, LocalFileSystem):
            yield from self._schemas_over_a_network()
            return
        left = self._limit
        for file in self._files:
            table = self._opened(file)
            yield file, table.schema
            if left is not None:
                left -= _rows_of(table, left)
                if left <= 0:
                    return

    def _schemas_over_a_network(self) -> Iterator[tuple[SourceFile, pa.Schema]]:
        """Some files at once, for each takes as long as a few answers of the store; never all of them."""
        files = iter(self._files)
        with ThreadPoolExecutor(FILES_AT_ONCE) as threads:
            while some := list(islice(files, FILES_AT_ONCE)):
                schemas = threads.map(lambda file: self._opened(file).schema, some)
                yield from zip(some, schemas, strict=True)

    def _opened(self, file: SourceFile) -> FileTable:
        """A file, with nothing known of the others."""
        return self._open(file, pa.schema([]))

    def _both(
        self, told_by: dict[str, SourceFile], known: pa.Schema, file: SourceFile, schema: pa.Schema
    ) -> pa.Schema:
        fields = []
        for field in known:
            found = schema.field(field.name)
            try:
                kind = self._holds(field.type, found.type)
            except DifferentTypesError:
                told = told_by[field.name].url
                problem = f"is {found.type} here and {field.type} in {told}; the files of a table have one schema"
                raise file.error(problem, column=field.name) from None
            fields.append(field if field.equals(found, check_metadata=True) else pa.field(field.name, kind))
        metadata = set((known.metadata or {}).items()) & set((schema.metadata or {}).items())
        return pa.schema(fields, metadata=dict(sorted(metadata)) or None)


def _told(schema: pa.Schema, file: SourceFile) -> dict[str, SourceFile]:
    """By the columns whose type it tells, a file."""
    return {field.name: file for field in schema if not pa.types.is_null(field.type)}


def _rows_of(table: FileTable, enough: int) -> int:
    rows = 0
    for batch in table.batches():
        rows += batch.num_rows
        if rows >= enough:
            break
    return rows


def _refuse_other_names(first: SourceFile, known: pa.Schema, file: SourceFile, schema: pa.Schema) -> None:
    for names, others, problem in (
        (known.names, schema.names, "lacks this column, which is in"),
        (schema.names, known.names, "has this column, which is not in"),
    ):
        odd = next((name for name in names if name not in others), None)
        if odd is not None:
            raise file.error(f"{problem} {first.url}; the files of a table have one schema", column=odd)


def _with_type(schema: pa.Schema, untold: pa.DataType) -> pa.Schema:
    fields = [field.with_type(untold) if pa.types.is_null(field.type) else field for field in schema]
    return pa.schema(fields, metadata=schema.metadata)


def _converted(file: SourceFile, batch: pa.RecordBatch, first: int, schema: pa.Schema) -> pa.RecordBatch:
    columns = [_cast(file, batch[field.name], field, first) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _cast(file: SourceFile, column: pa.Array, field: pa.Field, first: int) -> pa.Array:
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        row = next(row for row in range(len(column)) if not _fits(column.slice(row, 1), field.type))
        raise _misfit(file, field, first + row) from None


def _misfit(file: SourceFile, field: pa.Field, row: int) -> SourceError:
    return file.error(
        f"cannot be kept exactly as {field.type}, which other files have", row=row, column=field.name
    )


def _fits(value: pa.Array, kind: pa.DataType) -> bool:
    try:
        value.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True
