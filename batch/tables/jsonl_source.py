"""JSONL: one object a line. A first pass over the whole table, in one file or many, fixes columns and types.

A column whose values have no common type, or hold empty objects only (which Parquet cannot), is refused with
the row, unless it is asked to be kept as text: then texts stay, and what is no text becomes its JSON text.
"""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader, RawIOBase
from itertools import chain
from typing import Any, cast

import orjson
import pyarrow as pa

from ..errors import SourceError
from .json_types import ConflictError, holds, infer, keys_in, merge
from .row_groups import GROUP_BYTES, slices
from .source_files import SourceFile

READ_BYTES = 1024 * 1024

MOST_KEYS = 1_000
"""The most keys that the objects of a column have together: each row's prompt carries all of them."""

_LONG_INTEGER = re.compile(rb"\d{19}")


@dataclass(frozen=True)
class _Chunk:
    """A batch of rows as parsed, the lines they come from, and in which file the first is which."""

    file: SourceFile
    first: int
    lines: list[bytes]
    rows: list[dict[str, Any]]

    def names(self) -> list[str]:
        """The keys of the rows, in the order first seen."""
        return list(dict.fromkeys(chain.from_iterable(self.rows)))


class JsonlTable:
    """A table in JSONL files; `schema` reads all of them."""

    def __init__(
        self, files: Sequence[SourceFile], text_columns: Set[str], rows: int, limit: int | None = None
    ) -> None:
        """Read the first row; `rows` is the most a batch holds, `text_columns` are kept as text.

        Of all rows there are `limit`, if that is given; what comes after them is not looked at.

        Raises:
            SourceError: the first row is not an object.
        """
        self._files = files
        self._text_columns = text_columns
        self._rows = rows
        self._limit = limit
        next(self._chunks(1), None)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns in the order first seen, and types that hold all their values; of no rows, none.

        Raises:
            SourceError: a line is malformed, or the values of a column have no common type.
        """
        types: dict[str, pa.DataType] = {}
        told_by: dict[str, SourceFile] = {}
        chunk = None
        for chunk in self._chunks(self._rows):
            for name in chunk.names():
                types[name] = self._wider(types.get(name, pa.null()), chunk, name, told_by.get(name, chunk.file))
                if types[name] != pa.null():
                    told_by.setdefault(name, chunk.file)
            # Only a float can be an integer that was too long for the parser.
            if any(holds(kind, pa.float64()) for kind in types.values()):
                self._refuse_long_integers(chunk)
        if chunk is None:
            return pa.schema([])
        if not types:
            raise chunk.file.error("none of its rows has a column")
        self._refuse_empty_objects(types)
        self._refuse_unknown_text_columns(types)
        return pa.schema([pa.field(name, kind) for name, kind in types.items()])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order; a key that a row does not have is null.

        Raises:
            SourceError: a number is too large to be kept exactly, or the file is no longer what it was.
        """
        for file in self._files:
            yield from self.batches_of(file, self._limit)

    def batches_of(self, file: SourceFile, limit: int | None) -> Iterator[pa.RecordBatch]:
        """The rows of one of the files, in order, or so many of them; raises as `batches` does."""
        for chunk in self._chunks_of(file, self._rows, limit):
            if not set(chunk.names()) <= set(self.schema.names):
                raise file.error("changed while it was being read")
            columns = [self._column(chunk, field) for field in self.schema]
            yield from slices(pa.RecordBatch.from_arrays(columns, schema=self.schema), self._rows)

    def _chunks(self, size: int) -> Iterator[_Chunk]:
        """The rows of all files, as many as there may be."""
        left = self._limit
        for file in self._files:
            for chunk in self._chunks_of(file, size, left):
                yield chunk
                left = left and left - len(chunk.rows)
                if left == 0:
                    return

    def _chunks_of(self, file: SourceFile, size: int, limit: int | None) -> Iterator[_Chunk]:
        with file.reading() as content, BufferedReader(cast(RawIOBase, content), READ_BYTES) as lines:
            chunk, held = _Chunk(file, 0, [], []), 0
            for number, line in enumerate(lines, 1):
                written = line.removeprefix(BOM_UTF8) if number == 1 else line
                if not written.strip():
                    continue
                chunk.rows.append(_object(file, written, chunk.first + len(chunk.rows), number))
                chunk.lines.append(written)
                held += len(written)
                if chunk.first + len(chunk.rows) == limit:
                    break
                if len(chunk.rows) == size or held >= GROUP_BYTES:
                    yield chunk
                    chunk, held = _Chunk(file, chunk.first + len(chunk.rows), [], []), 0
            if chunk.rows:
                yield chunk

    def _values(self, chunk: _Chunk, name: str) -> list[Any]:
        values = [row.get(name) for row in chunk.rows]
        if name not in self._text_columns:
            return values
        return [_as_text(name, value, line) for value, line in zip(values, chunk.lines, strict=True)]

    def _wider(self, known: pa.DataType, chunk: _Chunk, name: str, told_by: SourceFile) -> pa.DataType:
        values = self._values(chunk, name)
        try:
            wider = merge(known, infer(values))
        except ConflictError:
            raise self._conflict(known, values, chunk, name, told_by) from None
        if (keys := keys_in(wider)) > MOST_KEYS:
            problem = (
                f"its objects have {keys:,} different keys by row {chunk.first + len(values):,}, and each row "
            )
            problem += f"would send them all, null where it has none; at most {MOST_KEYS:,} are taken: "
            raise chunk.file.error(problem + self._way_out(name), column=name)
        return wider

    def _conflict(
        self, known: pa.DataType, values: list[Any], chunk: _Chunk, name: str, told_by: SourceFile
    ) -> SourceError:
        for row, value in enumerate(values, chunk.first):
            try:
                known = merge(known, infer([value]))
            except ConflictError as conflict:
                before, here = conflict.found[0], conflict.found[-1]
                problem = f"holds {here} at {name + conflict.path}, where {before} stands as well"
                problem += f" in {told_by.url}" if told_by != chunk.file else ""
                return chunk.file.error(f"{problem}; {self._way_out(name)}", row=row, column=name)
        raise AssertionError("values that conflict together conflict one by one")

    def _way_out(self, name: str) -> str:
        ways = f'types: {{"{name}": "text"}}; --type "{name}=text"'
        return f'give the column the type "text" to keep it as JSON text ({ways})'

    def _refuse_long_integers(self, chunk: _Chunk) -> None:
        """The parser reads an integer beyond 64 bits as a float, which loses digits."""
        for row, line in enumerate(chunk.lines, chunk.first):
            if _LONG_INTEGER.search(line):
                for name, value in json.loads(line).items():
                    if name not in self._text_columns and not _has_64_bits(value):
                        raise self._too_large(chunk.file, row, name)

    def _too_large(self, file: SourceFile, row: int, name: str) -> SourceError:
        problem = f"holds an integer too large to be kept exactly; put it in quotes, or {self._way_out(name)}"
        return file.error(problem, row=row, column=name)

    def _refuse_empty_objects(self, types: dict[str, pa.DataType]) -> None:
        nothing = pa.struct([])
        for name in (name for name, kind in types.items() if holds(kind, nothing)):
            file, row = next(
                (chunk.file, row)
                for chunk in self._chunks(self._rows)
                for row, value in enumerate(chunk.rows, chunk.first)
                if holds(infer([value.get(name)]), nothing)
            )
            problem = f"holds an empty object, which a table cannot; {self._way_out(name)}"
            raise file.error(problem, row=row, column=name)

    def _refuse_unknown_text_columns(self, types: dict[str, pa.DataType]) -> None:
        for name in sorted(self._text_columns - types.keys()):
            problem = f"a type is given for this column, but the columns are {', '.join(types)}"
            raise self._files[0].error(problem, column=name)

    def _column(self, chunk: _Chunk, field: pa.Field) -> pa.Array:
        values = self._values(chunk, field.name)
        try:
            return pa.array(values, field.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            place = next(place for place, value in enumerate(values) if not _fits(value, field.type))
            raise self._too_large(chunk.file, chunk.first + place, field.name) from None


def _object(file: SourceFile, line: bytes, row: int, number: int) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        problem = f"is not valid JSON: {error.msg} (character {error.pos + 1:,})"
        raise file.error(problem, row=row, line=number) from None
    if not isinstance(value, dict):
        raise file.error("is not a JSON object, { … }", row=row, line=number)
    return value


def _has_64_bits(value: Any) -> bool:
    """Whether all integers in a value do with 64 bits."""
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _as_text(name: str, value: Any, line: bytes) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if _LONG_INTEGER.search(line):  # which may have become a float
        return json.dumps(json.loads(line)[name], ensure_ascii=False, separators=(",", ":"))
    return orjson.dumps(value).decode()


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.array([value], kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return False
    return True
