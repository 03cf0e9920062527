"""Reports as Markdown: an artifact in Prefect, an output in a notebook."""

import re
from collections.abc import Iterable, Iterator

from .blocks import Columns, Figures, Heading, ReportBlock, Shares, Spans
from .charts import data_uri
from .grids import Grid

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|$~])")
"""What Markdown, HTML in it, or a notebook's formulas would take for their own."""


ASKED = 60
"""So many characters of a row's own text are shown: tables in Prefect do not wrap, and answers stand behind it."""

LEFT_OUT = "… the rest is left out here."


def as_markdown(blocks: Iterable[ReportBlock], limit: int | None = None) -> str:
    """The report as Markdown.

    Args:
        blocks: The report from top to bottom.
        limit: So many bytes at most: charts are left out for which there is no room, then what stands last.
    """
    blocks = [*blocks]
    parts = [_part(block) for block in blocks]
    if limit is not None:
        charts = [isinstance(block, Columns | Shares | Spans) for block in blocks]
        parts = _within(parts, charts, limit)
    return "\n\n".join(parts) + "\n"


def _within(parts: list[str], charts: list[bool], limit: int) -> list[str]:
    sizes = [len(part.encode()) + 2 for part in parts]
    room = limit - sum(size for size, is_chart in zip(sizes, charts, strict=True) if not is_chart)
    kept: list[str] = []
    for part, size, is_chart in zip(parts, sizes, charts, strict=True):
        if is_chart and size > room:
            continue
        room -= size if is_chart else 0
        kept.append(part)
    while room < 0 and len(kept) > 1:
        room += len(kept.pop().encode()) + 2
        if room >= 0:
            kept.append(LEFT_OUT) if room >= len(LEFT_OUT.encode()) + 2 else None
    return kept


def _part(block: ReportBlock) -> str:
    match block:
        case Grid():
            return _grid(block)
        case Heading():
            return f"## {_escaped(block.text)}"
        case Figures():
            return _figures(block)
        case Columns() | Shares() | Spans():
            note = f": {_escaped(block.note)}" if block.note else ""
            return f"**{_escaped(block.title)}**{note}\n\n![{_escaped(block.title)}]({data_uri(block)})"
        case str():
            return _escaped(block)


def _figures(block: Figures) -> str:
    """Names above, values large beneath them, and what is to be said of each."""
    figures = block.figures
    header = _line(_escaped(figure.name) for figure in figures)
    values = _line(f"**{_escaped(figure.value)}**" for figure in figures)
    return "\n".join([header, _line(":--" for _ in figures), values, _line(_escaped(one.note) for one in figures)])


def _grid(grid: Grid) -> str:
    marks = ("--:" if place in grid.right else ":--" for place in range(len(grid.headers)))
    header = _line(_cells(grid, grid.headers))
    rows = [[*_cells(grid, cells)] for cells in grid.rows]
    for row, link in zip(rows, grid.links, strict=False):
        row[0] = f"[{row[0]}]({link})" if link.startswith("https://") else row[0]
    return "\n".join([header, _line(marks), *map(_line, rows)])


def _cells(grid: Grid, cells: Iterable[str]) -> Iterator[str]:
    for place, cell in enumerate(cells):
        cut = place == grid.asked and len(cell) > ASKED
        yield _escaped(f"{cell[: ASKED - 1]}…" if cut else cell)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(said: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(said.split()))
