"""The custom_ids of a column: present, of a bounded length, and each only once."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from .endpoints import MAX_CUSTOM_ID_BYTES
from .errors import CustomIdError
from .jobs import Job, Rows
from .tables.parts import read_rows


def check_custom_id(value: Any, row: int, column: str) -> str:
    """The custom_id that a column's value makes.

    Raises:
        CustomIdError: it is missing, empty, or longer than 512 bytes.
    """
    custom_id = "" if value is None else str(value)
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


def check_id_column(job: Job, rows: Rows) -> None:
    """Refuse a job whose id column holds a custom_id twice; memory takes 8 bytes a row.

    Raises:
        CustomIdError: an id is missing, too long, or stands in two rows; the message names both.
    """
    column = job.request.id_column
    if column is None:
        return
    hashes = np.concatenate([_hashes(ids) for ids in _id_batches(job, rows, column)])
    hashes.sort()
    suspects = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    if suspects:
        _refuse_duplicate(job, rows, column, suspects)


def _id_batches(job: Job, rows: Rows, column: str) -> Iterator[list[str]]:
    row = 0
    for part in rows.parts:
        for batch in read_rows(job.files, part.number, [column]):
            values = batch[column].to_pylist()
            yield [check_custom_id(value, row + place, column) for place, value in enumerate(values)]
            row += len(values)


def _hashes(ids: list[str]) -> np.ndarray:
    return np.asarray(pd.util.hash_array(np.array(ids, dtype=object)))


def _refuse_duplicate(job: Job, rows: Rows, column: str, suspects: set[int]) -> None:
    """Tell ids that are equal from ids that only share a hash."""
    seen: dict[str, int] = {}
    row = 0
    for ids in _id_batches(job, rows, column):
        for custom_id, value in zip(ids, _hashes(ids).tolist(), strict=True):
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
