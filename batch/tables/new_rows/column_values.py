"""A watermark column of Arrow's as exact integers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...errors import SourceError
from ...watermarks.highest import Values
from ...watermarks.kinds import NAMES, Kind
from ...watermarks.watermark import Watermark

NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""How many a unit of time has."""


@dataclass(frozen=True)
class ColumnKind:
    """What a column holds; its integers are counted in units of `scale` nanoseconds where they are times."""

    kind: Kind
    scale: int = 1


def kind_of(schema: pa.Schema, column: str, path: str, *, in_database: bool = False) -> ColumnKind:
    """What the watermark column of a table holds.

    Raises:
        SourceError: there is no such column, or its values cannot be a watermark.
    """
    check_watermark(Watermark(column=column), schema.names, path)
    type_ = schema.field(column).type
    if pa.types.is_integer(type_) or (pa.types.is_decimal(type_) and type_.scale == 0):
        return ColumnKind("integer")
    if pa.types.is_date(type_):
        return ColumnKind("date")
    if pa.types.is_timestamp(type_):
        return ColumnKind("instant" if type_.tz else "wall time", NANOSECONDS[type_.unit])
    *others, last = NAMES.values()
    raise SourceError(
        f"{path}, column {column!r}: {_in_words(type_)} cannot be a watermark; {', '.join(others)} and {last} "
        f"can. {_way_out(type_, column, in_database=in_database)}",
        path=path,
        column=column,
    )


def check_watermark(watermark: Watermark | None, names: Sequence[str], path: str) -> None:
    """Refuse a watermark on a column that a table of these columns does not have.

    Raises:
        SourceError: there is none of that name.
    """
    if watermark is not None and watermark.column not in names:
        raise SourceError(
            f"{path} has no column {watermark.column!r} for its watermark. It has {', '.join(names) or 'none'}.",
            path=path,
            column=watermark.column,
        )


def values_of(column: pa.Array) -> tuple[Values, npt.NDArray[np.bool_]]:
    """The integers of a column, of whose `kind_of` a watermark can be, and where it has any.

    Raises:
        pyarrow.ArrowInvalid: an integer has more than 64 bits.
    """
    type_ = column.type
    if pa.types.is_date(type_):
        column = column.cast(pa.date32()).cast(pa.int32())
    wide = pa.uint64() if pa.types.is_unsigned_integer(type_) else pa.int64()
    integers = column.cast(wide)
    valid = integers.is_valid().to_numpy(zero_copy_only=False)
    return integers.fill_null(0).to_numpy(zero_copy_only=False), valid


def _in_words(type_: pa.DataType) -> str:
    if pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return "a text"
    if pa.types.is_floating(type_):
        return "a number with a fraction"
    return f"the type {type_}"


def _way_out(type_: pa.DataType, column: str, *, in_database: bool) -> str:
    is_text = _in_words(type_) == "a text"
    if in_database:  # numbers of any digits are text as well
        kind = "bigint, or numeric(38), or timestamptz," if is_text else "bigint"
        return f"Cast it in the query, CAST({column} AS {kind}) AS {column}, or name another column."
    if is_text:
        typed = f"--type {column}=integer (or date, timestamp)"
        return f"Give the column its type, as {typed} does of CSV, or name another column."
    return "Write the file anew with it as one of them, or name another column."
