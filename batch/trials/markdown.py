"""A trial's report as Markdown: an artifact in Prefect, an output in a notebook."""

import re
from collections.abc import Iterable

from .report_blocks import Block, Grid

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|$~])")
"""What Markdown, HTML in it, or a notebook's formulas would take for their own."""


def as_markdown(blocks: Iterable[Block]) -> str:
    """The report as Markdown."""
    return "\n\n".join(_grid(block) if isinstance(block, Grid) else _escaped(block) for block in blocks) + "\n"


def _grid(grid: Grid) -> str:
    lines = [grid.headers, tuple("--:" if place in grid.right else ":--" for place in range(len(grid.headers)))]
    told = [lines[0], *grid.rows]
    header, *rows = (_line(map(_escaped, cells)) for cells in told)
    return "\n".join([header, _line(lines[1]), *rows])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(said: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(said.split()))
