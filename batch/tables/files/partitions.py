"""Hive partitions: what the folders of a file say of all its rows, as in `day=2026-11-24/country=DE/`."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import SourceError
from ..source_files import SourceFile

NULL = "__HIVE_DEFAULT_PARTITION__"
"""What stands for null in the name of a folder."""

LARGEST = 2**63

_INTEGER = re.compile("0|-?[1-9][0-9]{0,18}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")

Values = dict[str, str | None]


def partition_values(file: SourceFile) -> Values:
    """What the names of a file's folders say, from the outermost in, `%20` and the like decoded.

    Raises:
        SourceError: two folders say something of the same name.
    """
    values: Values = {}
    for part in PurePosixPath(file.path).parent.parts:
        name, equals, value = part.partition("=")
        if not (name and equals):
            continue
        name = unquote(name)
        if name in values:
            raise file.error("the partition stands twice in its path", column=name)
        values[name] = None if value == NULL else unquote(value)
    return values


class Partitions:
    """The partitions of a table's files: a column for each, behind the files' own.

    A column holds integers where all its values are, written as integers are (`7`, and not `07`), dates where all
    are (`2026-11-24`), else text; a type that is given for it counts.
    """

    def __init__(
        self, files: Sequence[SourceFile], types: Mapping[str, pa.DataType], *, named: bool = True
    ) -> None:
        """Look at the names of all files, unless no partition is to be `named`.

        Args:
            files: The files.
            types: The types that are given for some partitions, or for columns of the files.
            named: Whether there may be partitions.

        Raises:
            SourceError: the files have not the same partitions, or a value does not fit the type that is given.
        """
        self._values = {file.path: partition_values(file) if named else {} for file in files}
        self.names = tuple(self._values[files[0].path])
        for file in files:
            self._refuse_others(files[0], file)
        self.types = {name: types.get(name) or _type_of(self._distinct(name)) for name in self.names}
        for file in files:
            self._constants(file)

    def of(self, file: SourceFile) -> Values:
        """What the path of a file says."""
        return self._values[file.path]

    def added_to(self, schema: pa.Schema) -> pa.Schema:
        """The columns of a table whose files have these; a column that they hold themselves is not there twice."""
        fields = [pa.field(name, kind) for name, kind in self.types.items() if name not in schema.names]
        return pa.schema([*schema, *fields], metadata=schema.metadata)

    def joined(self, file: SourceFile, batch: pa.RecordBatch, first: int, schema: pa.Schema) -> pa.RecordBatch:
        """Some rows of a file with what its path says; `first` is the number of the first of them.

        Raises:
            SourceError: a row says something else of itself.
        """
        if not self.names:
            return batch
        constants, columns = self._constants(file), list(batch.columns)
        for name in self.names:
            if name in batch.schema.names:
                self._refuse_disagreement(file, batch[name], name, first)
            else:
                columns.append(pa.repeat(constants[name], batch.num_rows))
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _constants(self, file: SourceFile) -> dict[str, pa.Scalar]:
        return {name: self._constant(file, name, value) for name, value in self.of(file).items()}

    def _constant(self, file: SourceFile, name: str, value: str | None) -> pa.Scalar:
        try:
            return pa.scalar(value, pa.string()).cast(self.types[name])
        except pa.ArrowInvalid:
            kind = self.types[name]
            raise file.error(f"the partition's {value!r} cannot be read as {kind}", column=name) from None

    def _distinct(self, name: str) -> set[str]:
        return {value for values in self._values.values() if (value := values[name]) is not None}

    def _refuse_others(self, known: SourceFile, file: SourceFile) -> None:
        names = tuple(self._values[file.path])
        if names == self.names:
            return
        odd = next((name for name in [*self.names, *names] if (name in names) != (name in self.names)), None)
        if odd is None:
            raise file.error(f"has its partitions in another order than {known.url}")
        problem = "lacks the partition" if odd in self.names else "has the partition"
        raise file.error(f"{problem}, unlike {known.url}", column=odd)

    def _refuse_disagreement(self, file: SourceFile, column: pa.Array, name: str, first: int) -> None:
        value = self.of(file)[name]
        alike = pc.is_null(column) if value is None else _equal(column, value)
        place = pc.index(alike, False).as_py()
        if place >= 0:
            raise self._disagreement(file, name, first + place)

    def _disagreement(self, file: SourceFile, name: str, row: int) -> SourceError:
        said = self.of(file)[name]
        return file.error(
            f"is not what its folder says, {name}={NULL if said is None else said}", row=row, column=name
        )


def _equal(column: pa.Array, value: str) -> pa.Array:
    """Which values are what a folder's name says, as the column's type reads it."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        wanted = pa.scalar(value, pa.string()).cast(column.type)
        return pc.fill_null(pc.equal(column, wanted), False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.repeat(False, len(column))


def _type_of(values: set[str]) -> pa.DataType:
    if values and all(_INTEGER.fullmatch(value) and -LARGEST <= int(value) < LARGEST for value in values):
        return pa.int64()
    if values and all(map(_is_date, values)):
        return pa.date32()
    return pa.string()


def _is_date(value: str) -> bool:
    try:
        return bool(_DATE.fullmatch(value)) and bool(date.fromisoformat(value))
    except ValueError:
        return False
