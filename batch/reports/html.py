"""Reports as HTML that needs nothing else: no script, no file, no network; light or dark as its reader's system.

Every text goes through Jinja's escaping; charts are images, so that nothing in them runs.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from .blocks import Columns, Figures, Heading, ReportBlock, Shares, Spans
from .charts import data_uri
from .grids import Grid

if TYPE_CHECKING:
    from jinja2 import Template

_KINDS = {Grid: "grid", Heading: "heading", Figures: "figures", str: "text"} | dict.fromkeys(
    (Columns, Shares, Spans), "charts"
)


def as_document(title: str, subtitle: str, blocks: Iterable[ReportBlock]) -> str:
    """A report as a whole document."""
    return _template().render(title=title, subtitle=subtitle, runs=_runs(blocks), document=True)


def as_fragment(title: str, subtitle: str, blocks: Iterable[ReportBlock]) -> str:
    """A report as a part of another document, as a notebook's: its styles are its own."""
    return _template().render(title=title, subtitle=subtitle, runs=_runs(blocks), document=False)


def _runs(blocks: Iterable[ReportBlock]) -> Iterator[tuple[str, Sequence[ReportBlock]]]:
    """Blocks of one kind that follow each other: charts stand side by side."""
    return ((kind, tuple(run)) for kind, run in groupby(blocks, key=lambda block: _KINDS[type(block)]))


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    rooms = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    rooms.filters["image"] = lambda chart: data_uri(chart, follows_dark=True)
    return rooms.from_string((Path(__file__).parent / "page.html.jinja").read_text(encoding="utf-8"))
