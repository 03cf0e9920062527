"""Charts as small SVG images, drawn by pygal: it is imported and draws in a tenth of matplotlib's time.

What pygal adds for a mouse is taken out again: an image in a page runs no script, and a quarter of it is left.
"""

import re
import sys
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..words import duration, percent
from .axes import count_marks, time_marks
from .blocks import Chart, Columns, Shares, Spans

WIDTH = 520
"""Pixels; two stand side by side on a page."""

SPANS_WIDTH = 860

FONT_SIZE = 13

COLUMNS_HEIGHT = 190

BAR_HEIGHT = 28
"""Pixels of a horizontal bar, with the room around it."""

MARGIN_HEIGHT = 52
"""Pixels above and below the bars, with the axis."""

ROOM_FOR_VALUES = 1.3
"""An axis goes on so far behind the longest bar, beside which stands its value."""

LEGEND_HEIGHT = 26

LIGHT = "svg{--ink:#475569;--rule:#e2e8f0;--paper:#fff;--a:#4f46e5;--b:#c7d2fe;--c:#f59e0b}"
DARK = (
    "@media(prefers-color-scheme:dark){"
    "svg{--ink:#a8b3c4;--rule:#2b3548;--paper:#151b28;--a:#818cf8;--b:#3f4a78;--c:#fbbf24}}"
)
STYLE = (
    f"text{{font:{FONT_SIZE}px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:var(--ink)}}"
    ".x text{text-anchor:middle}.y text{text-anchor:end}.value{text-anchor:start}"
    ".background{fill:var(--paper)}.line{stroke:var(--rule);fill:none}"
    ".series rect{stroke:var(--paper)}.color-0 rect{fill:var(--a)}"
)
SPANS_STYLE = (
    ".color-0 rect{fill:none;stroke:none}.color-1 rect,rect.color-1{fill:var(--b)}"
    ".color-2 rect,rect.color-2{fill:var(--a)}.color-3 rect,rect.color-3{fill:var(--c)}"
)

_NUMBER = re.compile(r"\d+\.\d{2,}")

_FOR_A_MOUSE = frozenset({"script", "desc", "title", "style"})


def svg_of(chart: Chart, *, follows_dark: bool = False) -> str:
    """The chart as an SVG document.

    Args:
        chart: What is drawn.
        follows_dark: Whether it turns light on dark where the reader's system does; else it is on white paper.
    """
    tree = _drawn(chart).render_tree()
    _prune(tree)
    style = tree.makeelement("style", {})
    style.text = "".join(
        (LIGHT, DARK if follows_dark else "", STYLE, SPANS_STYLE if isinstance(chart, Spans) else "")
    )
    tree.insert(0, style)
    from pygal.etree import etree  # lxml's or Python's own, as pygal found them

    said: str = etree.tostring(tree, encoding="unicode")
    return said


def data_uri(chart: Chart, *, follows_dark: bool = False) -> str:
    """The chart as a `data:` URI, for an image."""
    return f"data:image/svg+xml;base64,{b64encode(svg_of(chart, follows_dark=follows_dark).encode()).decode()}"


def _drawn(chart: Chart) -> Any:
    """The chart as pygal has it; horizontal bars are drawn from below."""
    pygal = _pygal()
    if isinstance(chart, Columns):
        drawn = pygal.Histogram(**_options(WIDTH, COLUMNS_HEIGHT))
        drawn.y_labels = count_marks(max(chart.counts, default=0))
        drawn.add("", [*zip(chart.counts, chart.bounds, chart.bounds[1:], strict=False)])
    elif isinstance(chart, Shares):
        whole = sum(chart.counts)

        def shared(count: float) -> str:
            return f"{count:,.0f} · {percent(int(count), whole)}"

        most = max(*chart.counts, 1) * ROOM_FOR_VALUES
        drawn = pygal.HorizontalBar(
            **_options(WIDTH, _height(len(chart.words))),
            print_values=True,
            print_values_position="top",
            range=(0, most),
        )
        drawn.y_labels = count_marks(most)
        drawn.x_labels = _labels(chart.words[::-1])
        drawn.add("", [{"value": count, "formatter": shared} for count in chart.counts[::-1]])
    else:
        drawn = pygal.HorizontalStackedBar(
            **_options(
                SPANS_WIDTH,
                _height(len(chart.names)) + LEGEND_HEIGHT,
                show_legend=True,
                legend_at_bottom=True,
                legend_at_bottom_columns=len(chart.steps),
                value_formatter=duration,
            )
        )
        drawn.x_labels = _labels(chart.names[::-1])
        drawn.y_labels = time_marks(max(map(sum, chart.seconds)))
        for step, name in enumerate(chart.steps):  # a step without a name is in no legend
            drawn.add(name if step else None, [seconds[step] for seconds in chart.seconds[::-1]])
    return drawn


def _pygal() -> Any:
    """The library; it takes a tenth of a second to import, for those who draw.

    It leaves a finder of plugins, which we have none of, among Python's own: one of a kind that Python warns of
    whenever anybody looks for a module that is not there.
    """
    import pygal

    for finder in [one for one in sys.meta_path if type(one).__module__ == "pygal"]:
        with suppress(ValueError):  # another thread was first
            sys.meta_path.remove(finder)
    return pygal


def _height(bars: int) -> int:
    return MARGIN_HEIGHT + BAR_HEIGHT * bars


def _number(value: float) -> str:
    return f"{value:,.10g}"


def _options(width: int, height: int, **others: Any) -> dict[str, Any]:
    font = dict.fromkeys(("label_font_size", "major_label_font_size", "legend_font_size"), FONT_SIZE)
    return {
        "style": _pygal().style.Style(**font),  # the room that it leaves for texts; how they look says `STYLE`
        "width": width,
        "height": height,
        "explicit_size": True,
        "show_legend": False,
        "no_prefix": True,
        "js": [],
        "margin": 10,
        "max_scale": 6,
        "truncate_label": -1,
        "value_formatter": _number,
        "x_value_formatter": _number,
        **others,
    }


def _prune(node: Any) -> None:
    """Take out what is for a mouse, and the digits that no eye sees; texts stay as they are."""
    for name, value in list(node.attrib.items()):
        node.set(name, _NUMBER.sub(lambda found: f"{float(found[0]):.1f}", value))
    for child in list(node):
        if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in _FOR_A_MOUSE:
            node.remove(child)
        else:
            _prune(child)


def _labels(words: Sequence[str]) -> list[str]:
    """Texts as XML can hold them."""
    return ["".join(sign if sign.isprintable() else "\ufffd" for sign in word) for word in words]
