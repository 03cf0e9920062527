"""custom_ids: made of a row, or taken from a column, where each must be there, short enough, and stand once."""

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd

from ..errors import CustomIdError
from ..limits import MAX_CUSTOM_ID_BYTES
from ..tables.row_groups import RowGroup
from ..tables.value_texts import text

_NO_BODY = blake2b(digest_size=4)

ReadValues = Callable[[], Iterator[list[Any]]]
"""Reads the values of an id column from its beginning, some rows at a time."""


def make_custom_id(id_column: str | None, row: int, values: Mapping[str, Any], body: bytes) -> str:
    """A row's custom_id: the value of its id column, else made of its position and of what it sends.

    Args:
        id_column: The column that holds the ids, if any does.
        row: The row's number, from 0.
        values: The row's values by column.
        body: What it sends, encoded.

    Raises:
        CustomIdError: the column's value is missing, empty, or longer than 512 bytes.
    """
    return _made([row], [body])[0] if id_column is None else check_custom_id(values[id_column], row, id_column)


def make_custom_ids(id_column: str | None, rows: RowGroup, bodies: list[bytes]) -> list[str]:
    """The custom_ids of a group's rows, each as `make_custom_id` makes it of what the row sends.

    Raises:
        CustomIdError: a value of the column is missing, empty, or longer than 512 bytes.
    """
    if id_column is None:
        return _made(rows.numbers, bodies)
    values = zip(rows.values[id_column], rows.numbers, strict=True)
    return [check_custom_id(value, row, id_column) for value, row in values]


def _made(rows: list[int], bodies: list[bytes]) -> list[str]:
    return [f"row-{row + 1}-{_digest(body)}" for row, body in zip(rows, bodies, strict=True)]


def _digest(body: bytes) -> str:
    digest = _NO_BODY.copy()  # a fifth less than one made anew takes
    digest.update(body)
    return digest.hexdigest()


def check_custom_id(value: Any, row: int, column: str) -> str:
    """The custom_id that a column's value makes.

    Raises:
        CustomIdError: it is missing, empty, or longer than 512 bytes.
    """
    try:
        custom_id = text(value)
    except TypeError as error:
        raise CustomIdError(f"The id column {column!r} cannot be used: {error}.", rows=(row,)) from None
    if not custom_id:
        raise CustomIdError(
            f"Row {row + 1:,} has no value in the id column {column!r}. Fill it in, or leave id_column out: ids "
            "are then made from each row's position and content.",
            rows=(row,),
        )
    if len(custom_id.encode()) > MAX_CUSTOM_ID_BYTES:
        raise CustomIdError(
            f"Row {row + 1:,} has an id of {len(custom_id.encode()):,} bytes in column {column!r}; at most "
            f"{MAX_CUSTOM_ID_BYTES} are taken.",
            rows=(row,),
            custom_id=custom_id,
        )
    return custom_id


def check_distinct_ids(column: str, read: ReadValues) -> None:
    """Refuse an id column that holds a custom_id twice; memory takes 8 bytes a row.

    Raises:
        CustomIdError: an id is missing, too long, or stands in two rows; the message names both.
    """
    hashes = np.concatenate([id_hashes(ids) for ids in _ids(column, read)])
    hashes.sort()
    suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    if suspects:
        _refuse_duplicate(column, read, suspects)


def _ids(column: str, read: ReadValues) -> Iterator[list[str]]:
    row = 0
    for values in read():
        yield [check_custom_id(value, row + place, column) for place, value in enumerate(values)]
        row += len(values)


def id_hashes(ids: list[str]) -> np.ndarray:
    """A hash of each custom_id, 8 bytes: what differs in it differs, what is alike in it may be the same."""
    return np.asarray(pd.util.hash_array(np.array(ids, dtype=object)))


def _refuse_duplicate(column: str, read: ReadValues, suspects: set[int]) -> None:
    """Tell ids that are equal from ids that only share a hash."""
    seen: dict[str, int] = {}
    row = 0
    for ids in _ids(column, read):
        for custom_id, value in zip(ids, id_hashes(ids).tolist(), strict=True):
            if value in suspects:
                first = seen.setdefault(custom_id, row)
                if first != row:
                    raise CustomIdError(
                        f"Rows {first + 1:,} and {row + 1:,} share the custom_id {custom_id!r} (column "
                        f"{column!r}). Each row needs an id of its own: choose another column, or leave "
                        "id_column out.",
                        custom_id=custom_id,
                        rows=(first, row),
                    )
            row += 1
