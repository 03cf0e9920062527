"""The rows of a job's source, looked through for what a table would not take."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ....errors import DestinationError
from ...row_groups import RowGroup
from ...value_texts import text
from ..sql_destination import SqlDestination
from .column_types import is_text
from .plain_columns import first_far_off, holds_nanoseconds

types = pa.types

ReadColumns = Callable[[Sequence[str]], Iterator[pa.RecordBatch]]
"""Reads columns of the source from their beginning, a row group at a time."""


class SourceRows:
    """The rows as they were read; of a source's columns one at a time, so that memory holds a row group."""

    def __init__(self, schema: pa.Schema, read: ReadColumns) -> None:
        self.schema, self.read = schema, read
        self.names = frozenset(schema.names)

    def longest(self, name: str) -> int | None:
        """The characters of the longest text in a column; None where it is no column of the source."""
        if name not in self.names or not is_text(self.schema.field(name).type):
            return None
        lengths = (pc.max(pc.utf8_length(batch[name])).as_py() for batch in self.read([name]))
        return max((length for length in lengths if length is not None), default=0)

    def first_null(self, name: str) -> int | None:
        """The number of the first row without a value in a column, from 0; None where each has one."""
        before = 0
        for batch in self.read([name]):
            if batch[name].null_count:
                return before + int(batch[name].is_null().index(True).as_py())
            before += batch.num_rows
        return None

    def check_times(self, into: SqlDestination) -> None:
        """Refuse times that go on behind the microseconds, and days of years that databases write otherwise.

        Raises:
            DestinationError: a column has such a time; the row of such a day is named.
        """
        for field in self.schema:
            if not (types.is_temporal(field.type)):
                continue
            before = 0
            for batch in self.read([field.name]):
                column = batch[field.name]
                if holds_nanoseconds(column):
                    raise DestinationError(
                        f"{into} cannot take the column {field.name!r}: it has nanoseconds, and databases keep "
                        "microseconds. Round its times.",
                        path=str(into),
                        column=field.name,
                    )
                if (place := first_far_off(column)) is not None:
                    row = before + place
                    raise DestinationError(
                        f"{into} cannot take the column {field.name!r}: row {row + 1:,} has a day outside the "
                        "years 1 to 9999. Leave the row out, or make the column text.",
                        path=str(into),
                        column=field.name,
                        row=row,
                    )
                before += batch.num_rows

    def check_key(self, into: SqlDestination) -> None:
        """Refuse key columns that are no columns of the source, hold nothing in a row, or the same in two.

        Memory takes 8 bytes a row.

        Raises:
            DestinationError: the message names the column and the rows.
        """
        key = into.key_columns
        for name in key:
            if name not in self.names:
                raise DestinationError(
                    f"{into}: the key column {name!r} is no column of the source, which has "
                    f"{', '.join(map(repr, self.schema.names))}.",
                    path=str(into),
                    column=name,
                )
            if (row := self.first_null(name)) is not None:
                raise DestinationError(
                    f"{into}: row {row + 1:,} has no value in the key column {name!r}. Fill it in, or leave the "
                    "row out.",
                    path=str(into),
                    column=name,
                    row=row,
                )
        self._check_distinct(into)

    def _check_distinct(self, into: SqlDestination) -> None:
        hashes = np.concatenate([np.zeros(0, np.uint64), *map(_hashes, self._keys(into))])
        hashes.sort()
        suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        seen: dict[str, int] = {}
        row = 0
        for keys in self._keys(into) if suspects else ():
            for key, value in zip(keys, _hashes(keys).tolist(), strict=True):
                if value in suspects and (first := seen.setdefault(key, row)) != row:
                    named = " and ".join(map(repr, into.key_columns))
                    raise DestinationError(
                        f"{into}: rows {first + 1:,} and {row + 1:,} have the same key ({named}: "
                        f"{', '.join(key.split(BETWEEN))}). Each row of an upsert needs a key of its own.",
                        path=str(into),
                        column=into.key_columns[0],
                        rows=(first, row),
                    )
                row += 1

    def _keys(self, into: SqlDestination) -> Iterator[list[str]]:
        for batch in self.read(into.key_columns):
            values = RowGroup.of(range(batch.num_rows), batch).values
            texts = [[text(value) for value in values[name]] for name in into.key_columns]
            yield [BETWEEN.join(one) for one in zip(*texts, strict=True)]


BETWEEN = "\x1f"
"""What stands between the parts of a key: the character that ASCII has for it."""


def _hashes(keys: list[str]) -> np.ndarray:
    return np.asarray(pd.util.hash_array(np.array(keys, dtype=object)))
