"""A trial's report as Markdown: an artifact in Prefect, an output in a notebook."""

import re
from collections.abc import Iterable, Iterator

from .grids import Block, Grid

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|$~])")
"""What Markdown, HTML in it, or a notebook's formulas would take for their own."""


ASKED = 60
"""So many characters of a row's own text are shown: tables in Prefect do not wrap, and answers stand behind it."""


def as_markdown(blocks: Iterable[Block]) -> str:
    """The report as Markdown."""
    return "\n\n".join(_grid(block) if isinstance(block, Grid) else _escaped(block) for block in blocks) + "\n"


def _grid(grid: Grid) -> str:
    marks = ("--:" if place in grid.right else ":--" for place in range(len(grid.headers)))
    header, *rows = (_line(_cells(grid, cells)) for cells in (grid.headers, *grid.rows))
    return "\n".join([header, _line(marks), *rows])


def _cells(grid: Grid, cells: Iterable[str]) -> Iterator[str]:
    for place, cell in enumerate(cells):
        cut = place == grid.asked and len(cell) > ASKED
        yield _escaped(f"{cell[: ASKED - 1]}…" if cut else cell)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(said: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(said.split()))
