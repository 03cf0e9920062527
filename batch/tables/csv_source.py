"""CSV, read as it is written: every field is text unless a type is given for its column."""

import csv
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SourceError
from ..urls import without_secrets
from .row_groups import GROUP_BYTES, slices
from .source_files import SourceFile

log = logging.getLogger(__name__)

ColumnType = Literal["text", "integer", "number", "boolean", "date", "timestamp"]
"""What the fields of a CSV column can be read as."""

ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}

MAX_FIELD = 200_000_000
"""The most characters in a field, as many as an input file has bytes (the csv module's bound: 131,072)."""

OTHER_SEPARATORS = (";", "\t", "|")
"""What stands between fields where it is no comma: Excel writes semicolons where the comma is in numbers."""

LOOKED_AT = 50
"""Records by which a separator is told."""

NOT_UTF8 = "is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)"
NOT_TEXT = "holds a NUL byte, so it is not text"

_ZONE = re.compile(r"[T ].*(Z|[+-]\d\d(:?\d\d)?)$")  # behind a time: 2024-01-02 ends in a day, not in an offset
_NEVER_CLOSED = "unexpected end of data"

_Chunk = list[list[str]]


class CsvTable:
    """A CSV file with a header.

    `schema` is known from the header, but for one thing: whether a column of timestamps has time zones is
    told by its first value among the first rows, and the others must agree. Where it has none there, and the
    file is one of many, its type is null until `others` tell.
    """

    def __init__(
        self,
        file: SourceFile,
        separator: str,
        types: Mapping[str, ColumnType],
        rows: int,
        others: pa.Schema | None = None,
    ) -> None:
        """Read the header; `rows` is the most a batch holds, `others` what the other files of the table have.

        Raises:
            SourceError: there is no header, a name stands twice in it, or `types` names a column it does not.
        """
        self._file = file
        self._separator = separator
        self._types = types
        self._rows = rows
        self._others = others
        self._names = self._header()
        self._refuse_unknown_types()
        self.schema = pa.schema([pa.field(name, self._arrow_type(name)) for name in self._names])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order.

        Raises:
            SourceError: a row is malformed, or a field does not fit its column's type.
        """
        for first, chunk in self._chunks():
            columns = [
                self._column(name, values, first)
                for name, values in zip(self._names, zip(*chunk, strict=True), strict=True)
            ]
            yield from slices(pa.RecordBatch.from_arrays(columns, schema=self.schema), self._rows)

    def _header(self) -> list[str]:
        with self._records() as records:
            names = next(iter(records), [])
        if not any(names):
            raise self._file.error("has no header; its first line must name the columns")
        for name, count in Counter(names).items():
            if count > 1:
                raise self._file.error("the name stands more than once in the header", column=name)
        return names

    def _refuse_unknown_types(self) -> None:
        for name in self._types:
            if name not in self._names:
                raise self._file.error(
                    f"a type is given for this column, but the columns are {', '.join(self._names)}",
                    column=name,
                )

    def _arrow_type(self, name: str) -> pa.DataType:
        kind = self._types.get(name, "text")
        if kind != "timestamp":
            return ARROW_TYPES[kind]
        value = self._first_value(name)
        if not value and self._others is not None:
            return self._others.field(name).type if name in self._others.names else pa.null()
        return pa.timestamp("us", "UTC") if _ZONE.search(value) else ARROW_TYPES[kind]

    def _first_value(self, name: str) -> str:
        _, chunk = next(self._chunks(), (0, []))
        place = self._names.index(name)
        return next((record[place] for record in chunk if record[place]), "")

    @contextmanager
    def _records(self) -> Iterator["_Records"]:
        with _opened(self._file) as text:
            yield _Records(self._file, text, self._separator)

    def _chunks(self) -> Iterator[tuple[int, _Chunk]]:
        """The records of a batch's rows at a time, each with the number of its first row."""
        with self._records() as records:
            each = iter(records)
            next(each)
            width = len(self._names)
            first, chunk = 0, []
            for record in each:
                if len(record) != width:
                    raise records.error(f"has {len(record)} fields, but the header has {width}")
                chunk.append(record)
                if len(chunk) == self._rows or records.characters >= GROUP_BYTES:
                    yield first, chunk
                    first, chunk, records.characters = first + len(chunk), [], 0
            if chunk:
                yield first, chunk

    def _column(self, name: str, values: tuple[str, ...], first: int) -> pa.Array:
        text = pa.array(values, pa.string())
        if name not in self._types:
            return text
        if pa.types.is_null(self.schema.field(name).type):  # not told yet: the rows are but counted
            return pa.nulls(len(text))
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        try:
            return text.cast(self.schema.field(name).type)
        except pa.ArrowInvalid:
            raise self._misfit(name, text, first) from None

    def _misfit(self, name: str, text: pa.Array, first: int) -> SourceError:
        wanted = self.schema.field(name).type
        place = next(place for place in range(len(text)) if not _fits(text.slice(place, 1), wanted))
        kind: str = self._types[name]
        if kind == "timestamp":
            kind += " with a time zone" if wanted.tz else " without a time zone"
        value = text[place].as_py()
        shown = value if len(value) <= 60 else value[:60] + "…"
        return self._file.error(f"{shown!r} cannot be read as {kind}", row=first + place, column=name)


def _fits(text: pa.Array, wanted: pa.DataType) -> bool:
    try:
        text.cast(wanted)
    except pa.ArrowInvalid:
        return False
    return True


def separator_shown(file: SourceFile) -> str:
    """What stands between the fields, as the header and the first rows show it.

    It is a comma wherever that makes several columns of the header. Another is believed only if it does, each with
    a name, and makes as many of every row: a table of one column whose texts hold semicolons stays one.
    """
    if len(next(iter(_beginning(file, ",", 1)), [])) > 1:
        return ","
    for separator in OTHER_SEPARATORS:
        if _is_table(_beginning(file, separator, LOOKED_AT)):
            log.info(
                "%s: the fields are separated by %r, as the header shows", without_secrets(file.url), separator
            )
            return separator
    return ","


def _beginning(file: SourceFile, separator: str, count: int) -> _Chunk:
    """The first records; none where this separator makes none of them.

    Raises:
        SourceError: it is no text in UTF-8, whatever separates its fields.
    """
    try:
        with _opened(file) as text:
            return list(islice(_Records(file, text, separator), count))
    except SourceError as error:
        if NOT_UTF8 in str(error) or NOT_TEXT in str(error):
            raise
        return []


def _is_table(records: _Chunk) -> bool:
    """Whether these are several columns with a name each, and as many fields in every row."""
    header = records[0] if records else []
    named = {name for name in header if name and name == name.strip()}
    return 1 < len(header) == len(named) and all(len(record) == len(header) for record in records)


@contextmanager
def _opened(file: SourceFile) -> Iterator[TextIOWrapper]:
    # Surrogates stand for bytes that are not UTF-8 until the line they are in is known.
    with (
        file.reading() as content,
        TextIOWrapper(content, "utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        yield text


class _Records:
    """One pass over the records of a CSV file, the header first; blank lines are none.

    It knows where it stands, so that an error can say so. `characters` counts what was read since it was last
    set to 0.
    """

    def __init__(self, file: SourceFile, text: TextIOWrapper, separator: str) -> None:
        csv.field_size_limit(max(MAX_FIELD, csv.field_size_limit()))
        self.characters = 0
        self._file = file
        self._reader = csv.reader(self._checked(text), delimiter=separator, strict=True)
        self._number = -1
        self._lines = 0

    def __iter__(self) -> Iterator[list[str]]:
        try:
            for record in self._reader:
                if record:
                    yield record
                    self._number += 1
                self._lines = self._reader.line_num
        except csv.Error as error:
            unclosed = str(error) == _NEVER_CLOSED
            raise self.error(
                "a quoted field that begins here is never closed" if unclosed else str(error)
            ) from None

    def error(self, problem: str, *, line: int | None = None) -> SourceError:
        """The error of the record that was read last, or is being read."""
        row = self._number if self._number >= 0 else None
        return self._file.error(problem, row=row, line=line or self._lines + 1)

    def _checked(self, text: TextIOWrapper) -> Iterator[str]:
        for line in text:
            if not line.isascii() and not _is_unicode(line):
                raise self.error(NOT_UTF8, line=self._reader.line_num + 1)
            if not self._reader.line_num and "\0" in line:  # further down an answer may hold one
                raise self.error(NOT_TEXT, line=1)
            self.characters += len(line)
            yield line


def _is_unicode(line: str) -> bool:
    try:
        line.encode()
    except UnicodeEncodeError:
        return False
    return True
