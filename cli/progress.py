"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ..batch.progress import Progress as News
from ..batch.progress import Step, observed_by

STEPS: tuple[Step, ...] = ("read", "build", "upload", "wait", "fetch", "answer", "write")
SECONDS_BETWEEN_LINES = 2.0


@contextmanager
def shown_progress() -> Iterator[None]:
    """Show how far the job is while the block runs."""
    with _bars() if sys.stderr.isatty() else _lines():
        yield


@contextmanager
def _bars() -> Iterator[None]:
    columns = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.fields[step]:<7}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[news]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        shown: dict[Step, TaskID] = {}
        lock = Lock()

        def show(news: News) -> None:
            with lock:
                if news.step not in shown:
                    shown[news.step] = bars.add_task("", total=news.total or 0, step=news.step, news="")
                task = shown[news.step]
                bars.update(task, advance=news.advance, news=news.text or "")
                if news.total is not None:
                    bars.update(task, total=news.total)
                if news.done is not None:
                    bars.update(task, completed=news.done)

        with observed_by(show):
            yield


class _Line:
    """What was last said of a step."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.total = 0
        self.done = 0
        self.text = ""
        self.said = ""
        self.said_at = 0.0

    def hear(self, news: News) -> None:
        self.total = self.total if news.total is None else news.total
        self.done = (self.done if news.done is None else news.done) + news.advance
        self.text = news.text or ""

    def __str__(self) -> str:
        return self.text or f"{self.done:,} of {self.total:,} items"


@contextmanager
def _lines() -> Iterator[None]:
    known: dict[Step, _Line] = {}
    lock = Lock()

    def show(news: News) -> None:
        with lock:
            line = known.setdefault(news.step, _Line())
            line.hear(news)
            if news in (News(news.step, total=news.total), News(news.step, total=news.total, done=0)):
                line.said = ""
                return  # that it is to come is no news yet
            finished = bool(line.total) and line.done >= line.total
            now = time.monotonic()
            if str(line) != line.said and (finished or now - line.said_at >= SECONDS_BETWEEN_LINES):
                line.said, line.said_at = str(line), now
                click.echo(f"{news.step:<7} {line}, {now - line.begun:.0f} s", err=True)

    with observed_by(show):
        yield
