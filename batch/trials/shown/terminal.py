"""A trial's report on a terminal, or for whoever reads its text."""

from collections.abc import Iterable
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .grids import Block, Grid

WIDTH = 110
"""Columns of the text where no terminal says how many there are, and at most."""

ASKED_SHARE = 3
"""A row's own text takes one of so many parts of the width."""


def print_blocks(blocks: Iterable[Block], console: Console) -> None:
    """Print the report, a blank line between its parts."""
    for block in blocks:
        console.print(_table(block, console.width) if isinstance(block, Grid) else Text(block))
        console.print()


def as_text(blocks: Iterable[Block], width: int = WIDTH) -> str:
    """The report as plain text, so many columns wide at most."""
    said = StringIO()
    print_blocks(blocks, Console(file=said, width=width, color_system=None, force_terminal=False))
    return "\n".join(line.rstrip() for line in said.getvalue().splitlines())


def _table(grid: Grid, width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, header in enumerate(grid.headers):
        if place == grid.asked:
            table.add_column(Text(header), no_wrap=True, overflow="ellipsis", max_width=width // ASKED_SHARE)
        else:
            right = place in grid.right
            table.add_column(Text(header), justify="right" if right else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*map(Text, row))
    return table
