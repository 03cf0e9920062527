"""A trial's report on a terminal, or for whoever reads its text."""

from collections.abc import Iterable, Iterator, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...reports.grids import Block, Grid

WIDTH = 110
"""Columns of the text where no terminal says how many there are, and at most."""

ASKED_SHARE = 3
"""A row's own text takes one of so many parts of the width."""


WORD = 24
"""Words up to so many columns are not broken where another block has room for them; longer ones may be."""

GAP = 3
"""Columns between two of a table."""


def print_blocks(blocks: Iterable[Block], console: Console) -> None:
    """Print the report, a blank line between its parts."""
    for block in blocks:
        for part in narrowed(block, console.width) if isinstance(block, Grid) else (block,):
            console.print(_table(part, console.width) if isinstance(part, Grid) else Text(part))
            console.print()


def as_text(blocks: Iterable[Block], width: int = WIDTH) -> str:
    """The report as plain text, so many columns wide at most."""
    said = StringIO()
    print_blocks(blocks, Console(file=said, width=width, color_system=None, force_terminal=False))
    return "\n".join(line.rstrip() for line in said.getvalue().splitlines())


def narrowed(grid: Grid, width: int) -> Iterator[Grid]:
    """The grid in as many blocks as it takes to break no word, each behind the columns that name its rows."""
    keys = [*range(1 if grid.asked is None else grid.asked + 1)]
    least = [_least(grid, place, width) for place in range(len(grid.headers))]
    block = [*keys]
    for place in range(len(keys), len(grid.headers)):
        if len(block) > len(keys) and _taken([least[one] for one in (*block, place)]) > width:
            yield _columns(grid, block)
            block = [*keys]
        block.append(place)
    yield _columns(grid, block)


def _columns(grid: Grid, places: Sequence[int]) -> Grid:
    right = frozenset(new for new, place in enumerate(places) if place in grid.right)
    headers, *rows = (tuple(row[place] for place in places) for row in (grid.headers, *grid.rows))
    return Grid(headers, tuple(rows), right, grid.asked)


def _least(grid: Grid, place: int, width: int) -> int:
    """The columns that it takes to break no word; a row's own text is cut."""
    if place == grid.asked:
        return min(_widest(grid, place), width // ASKED_SHARE)
    words = (word for row in (grid.headers, *grid.rows) for word in row[place].split())
    return min(max(map(cell_len, words), default=1), WORD)


def _widest(grid: Grid, place: int) -> int:
    return max(cell_len(row[place]) for row in (grid.headers, *grid.rows))


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def shared_widths(least: Sequence[int], widest: Sequence[int], room: int) -> list[int]:
    """The width of each column: all that it needs if there is room, else as much as the others that need more.

    None gets less than its `least`, unless these alone have no room.
    """
    enough = least if _taken(least) <= room else [1] * len(least)
    each = (
        [min(most, max(few, level)) for few, most in zip(enough, widest, strict=True)]
        for level in range(room, 0, -1)
    )
    return next((widths for widths in each if _taken(widths) <= room), list(enough))


def _table(grid: Grid, width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    places = range(len(grid.headers))
    least = [max(_least(grid, place, width), 1) for place in places]
    widest = [max(least[place], 0 if place == grid.asked else _widest(grid, place)) for place in places]
    for place, columns in enumerate(shared_widths(least, widest, width)):
        cut = place == grid.asked
        table.add_column(
            Text(grid.headers[place]),
            justify="right" if place in grid.right else "left",
            overflow="ellipsis" if cut else "fold",
            no_wrap=cut,
            width=columns,
        )
    for row in grid.rows:
        table.add_row(*map(Text, row))
    return table
