"""What a report is made of beside texts and grids: headings, figures, charts; `markdown` and `html` show each."""

from dataclasses import dataclass

from .grids import Block


@dataclass(frozen=True)
class Heading:
    """What stands above a part of the report."""

    text: str


@dataclass(frozen=True)
class Figure:
    """A number that is read at a glance, what it is, and a word on it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """Numbers side by side."""

    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Columns:
    """A histogram: `counts` between `bounds`, of which there is one more; the last holds what lies beyond too."""

    title: str
    note: str
    bounds: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Shares:
    """How many there are of each word."""

    title: str
    note: str
    words: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Spans:
    """Spans of time under each other, each of several steps in seconds; the first step is the time before it."""

    title: str
    note: str
    names: tuple[str, ...]
    steps: tuple[str, ...]
    seconds: tuple[tuple[float, ...], ...]


Chart = Columns | Shares | Spans

ReportBlock = Block | Heading | Figures | Chart
