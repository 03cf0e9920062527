"""Excel: one sheet of a workbook, whose first row that is not empty names the columns; read only.

The cells tell the types, in a first pass over the sheet: text, numbers, integers, booleans, dates, times. A column
that mixes them is refused with the row, unless it is asked to be kept as text, which is then as CSV would say it.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import zip_longest
from typing import Any
from zipfile import BadZipFile

import pyarrow as pa

from ...errors import SourceError
from ...words import counted
from ..row_groups import GROUP_BYTES, slices
from ..source_files import SourceFile
from ..value_texts import text
from .lossless_types import DifferentTypesError, wider

MIDNIGHT = time()

CELL_BYTES = 100
"""About as much memory as a cell takes that is no long text."""

_TYPES: dict[type, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    date: pa.date32(),
    datetime: pa.timestamp("us"),
    time: pa.time64("us"),
    timedelta: pa.duration("us"),
}
_NAMES = {pa.string(): "text", pa.int64(): "integers", pa.float64(): "numbers", pa.bool_(): "booleans"}
_HOLDING_BOTH = {
    frozenset({pa.int64(), pa.float64()}): pa.float64(),  # Excel has but numbers
    frozenset({pa.date32(), pa.timestamp("us")}): pa.timestamp("us"),
}

Row = Sequence[Any]


def holding(first: pa.DataType, second: pa.DataType) -> pa.DataType:
    """The type of a column that holds cells of either type.

    Raises:
        DifferentTypesError: there is none.
    """
    return _HOLDING_BOTH.get(frozenset({first, second})) or wider(first, second)


@dataclass(frozen=True)
class _Chunk:
    """Some rows as the cells' values, and the number of each in the sheet, from 1."""

    numbers: list[int]
    rows: list[Row]


class ExcelTable:
    """A sheet of an Excel file; `names` are known from the header, `schema` reads all of it."""

    def __init__(
        self,
        file: SourceFile,
        sheet: str | None,
        text_columns: Set[str],
        rows: int,
        others: pa.Schema | None = None,
    ) -> None:
        """Read the header; `rows` is the most a batch holds.

        Args:
            file: The workbook.
            sheet: The name of its sheet; None is the first.
            text_columns: The columns that are kept as text.
            rows: The most a batch holds.
            others: The columns of all files of the table, where this is one of many and they are known.

        Raises:
            SourceError: it is no such file, has no such sheet, or its header does not name each column once.
        """
        self._file = file
        self._sheet = sheet
        self._text_columns = text_columns
        self._rows = rows
        self._others = others
        self.names = self._header()
        for name in sorted(text_columns - set(self.names)):
            problem = f"a type is given for this column, but the columns are {', '.join(self.names)}"
            raise file.error(problem, column=name)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns in their order, and types that hold all their cells.

        Raises:
            SourceError: a column mixes types, a cell is an error, or holds a formula that was never calculated.
        """
        if self._others:
            return pa.schema([self._others.field(name) for name in self.names if name in self._others.names])
        self._refuse_uncalculated()
        types = dict.fromkeys(self.names, pa.null())
        for chunk in self._chunks():
            for name, values in zip(self.names, zip(*chunk.rows, strict=True), strict=True):
                types[name] = self._wider(types[name], chunk, name, values)
        return pa.schema(list(types.items()))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order; a row without a value is none, as a blank line is none in CSV.

        Raises:
            SourceError: a number is too large to be kept exactly, or the file is no longer what it was.
        """
        for chunk in self._chunks():
            columns = zip(self.schema, zip(*chunk.rows, strict=True), strict=True)
            arrays = [self._column(chunk, field, cells) for field, cells in columns]
            yield from slices(pa.RecordBatch.from_arrays(arrays, schema=self.schema), self._rows)

    def _header(self) -> tuple[str, ...]:
        _, cells = next(self._filled_rows(), (0, ()))
        names = [text(cell.value).strip() for cell in cells]
        while names and not names[-1]:
            names.pop()
        if not names:
            raise self._file.error("the sheet is empty; its first row must name the columns")
        for name, count in Counter(names).items():
            if not name:
                raise self._file.error(f"column {names.index(name) + 1} has no name in the first row")
            if count > 1:
                raise self._file.error("the name stands more than once in the first row", column=name)
        return tuple(names)

    def _chunks(self) -> Iterator[_Chunk]:
        chunk, held = _Chunk([], []), 0
        rows = self._filled_rows()
        next(rows, None)
        for number, cells in rows:
            chunk.numbers.append(number)
            chunk.rows.append(self._row(number, cells))
            held += sum(len(value) if type(value) is str else CELL_BYTES for value in chunk.rows[-1])
            if len(chunk.rows) == self._rows or held >= GROUP_BYTES:
                yield chunk
                chunk, held = _Chunk([], []), 0
        if chunk.rows:
            yield chunk

    def _row(self, number: int, cells: Row) -> Row:
        """The values of a row, as many as there are columns."""
        if any(cell.value is not None for cell in cells[len(self.names) :]):
            raise self._error(
                f"has a cell beyond the {counted(len(self.names), 'column')} that the first row names", number
            )
        values = []
        for name, cell in zip_longest(self.names, cells[: len(self.names)]):
            if cell is not None and cell.data_type == "e" and name not in self._text_columns:
                raise self._error(f"holds the error {cell.value}; {_way_out(name)}", number, name)
            values.append(None if cell is None else cell.value)
        return values

    def _values(self, name: str, cells: Row) -> Row:
        if name in self._text_columns:
            return [None if value is None else text(_day(value)) for value in cells]
        is_date = name in self._date_columns
        return [_day(value) if is_date else value for value in cells]

    def _column(self, chunk: _Chunk, field: pa.Field, cells: Row) -> pa.Array:
        try:
            return pa.array(self._values(field.name, cells), field.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            largest = 2**53 if pa.types.is_floating(field.type) else 2**63 - 1
            for number, value in zip(chunk.numbers, cells, strict=True):
                if type(value) is int and abs(value) > largest:
                    problem = f"holds {value}, which is too large to be kept exactly; {_way_out(field.name)}"
                    raise self._error(problem, number, field.name) from None
            raise self._file.error("changed while it was being read") from None

    @cached_property
    def _date_columns(self) -> set[str]:
        return {field.name for field in self.schema if pa.types.is_date(field.type)}

    def _wider(self, known: pa.DataType, chunk: _Chunk, name: str, values: Row) -> pa.DataType:
        if name in self._text_columns:
            return pa.string()
        for number, value in zip(chunk.numbers, values, strict=True):
            try:
                known = known if value is None else holding(known, _TYPES[type(_day(value))])
            except DifferentTypesError:
                before, here = (_NAMES.get(kind, str(kind)) for kind in (known, _TYPES[type(_day(value))]))
                problem = f"holds {here}, where {before} stand as well; {_way_out(name)}"
                raise self._error(problem, number, name) from None
        return known

    def _refuse_uncalculated(self) -> None:
        """A program that is no spreadsheet writes formulas without what they come to."""
        with self._rows_read() as found, self._rows_read(formulas=True) as written:
            for cells, formulas in zip(found, written, strict=True):
                for cell, formula in zip(cells, formulas, strict=True):
                    if formula.data_type == "f" and cell.value is None and cell.data_type == "n":
                        problem = "holds a formula that was never calculated; open the file in Excel and save it"
                        raise self._file.error(f"cell {formula.coordinate} {problem}")

    def _filled_rows(self) -> Iterator[tuple[int, Row]]:
        """The rows that hold a value, each with its number in the sheet."""
        with self._rows_read() as rows:
            for number, cells in enumerate(rows, 1):
                if any(cell.value is not None for cell in cells):
                    yield number, cells

    @contextmanager
    def _rows_read(self, *, formulas: bool = False) -> Iterator[Iterator[Row]]:
        try:
            from openpyxl import load_workbook
            from openpyxl.utils.exceptions import InvalidFileException
        except ImportError:
            way = "pip install 'prefect-openai-batch[excel]'"
            raise self._file.error(f"Excel is read with openpyxl, which is not installed: {way}") from None
        try:
            with self._file.reading() as content, warnings.catch_warnings():
                warnings.filterwarnings(
                    "ignore", category=UserWarning, module="openpyxl"
                )  # of styles and the like
                book = load_workbook(content, read_only=True, data_only=not formulas)
                try:
                    yield self._sheet_of(book).iter_rows()
                finally:
                    book.close()
        except (InvalidFileException, BadZipFile, KeyError, SyntaxError, ValueError) as error:
            raise self._file.error(f"is not a readable Excel file: {error}") from error

    def _sheet_of(self, book: Any) -> Any:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        named = self._sheet or next(iter(sheets), "")
        if named not in sheets:
            raise self._file.error(f"has no sheet {named!r}, but {', '.join(sheets) or 'none'}")
        sheets[named].reset_dimensions()  # which some programs write wrong, and rows would be cut
        return sheets[named]

    def _error(self, problem: str, number: int, name: str | None = None) -> SourceError:
        """The error of a row, which is named as the sheet counts it."""
        return self._file.error(f"row {number:,} of the sheet {problem}", column=name)


def _day(value: Any) -> Any:
    """A cell's value; a date where a time has no hours, which is how Excel keeps dates."""
    return value.date() if type(value) is datetime and value.time() == MIDNIGHT else value


def _way_out(name: str) -> str:
    ways = f'types: {{"{name}": "text"}}; --type "{name}=text"'
    return f'give the column the type "text" to keep it as it stands ({ways})'
