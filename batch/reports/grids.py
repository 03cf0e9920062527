"""What a report is made of: texts, and grids of short texts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..tables.value_texts import text

LONG = 300
"""So many characters of a value are shown at most."""

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Grid:
    """Rows under headers; the columns of `right` are numbers, that of `asked` is cut where there is no room.

    Where there is no room for all columns they stand in several blocks, each behind the first ones: up to `asked`,
    or the very first. `links` are addresses of our own making, one a row, to which its first cell leads.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    asked: int | None = None
    links: tuple[str, ...] = ()


Block = str | Grid


@dataclass(frozen=True)
class Asked:
    """The rows of the sample as a person knows them: the columns that the prompt reads, and their texts."""

    columns: str
    texts: tuple[str, ...]


def brief(value: Any) -> str:
    """A value in one line, cut where it is long, with nothing in it that a terminal would obey."""
    said = _CONTROLS.sub("", " ".join(text(value).split()))
    return said if len(said) <= LONG else f"{said[: LONG - 1]}…"


def more(count: int, shown: int) -> Iterator[Block]:
    """That there are more than are shown."""
    if count > shown:
        yield f"… and {count - shown:,} more"


def grid_of(headers: tuple[str, ...], rows: tuple[tuple[str, ...], ...], *, alone: bool) -> Grid:
    """A grid whose second column names the model, which is left out where there is but one."""
    left = [place for place in range(len(headers)) if not (alone and place == 1)]
    return Grid(
        tuple(headers[place] for place in left),
        tuple(tuple(row[place] for place in left) for row in rows),
        frozenset({0}),
    )
