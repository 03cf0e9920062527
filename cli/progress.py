"""Progress on stderr: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from ..batch.clock import every
from ..batch.progress import Progress as News
from ..batch.progress import Step, latest_wait, observed_by
from ..batch.words import counted, duration

STEPS: tuple[Step, ...] = ("read", "build", "upload", "wait", "fetch", "answer", "write", "load")
SECONDS_BETWEEN_LINES = 2.0

SILENT_SECONDS = 1.5
"""So long nothing is said; then it is said what is waited for."""

SECONDS_BETWEEN_LISTENINGS = 0.25

PREFECT = "Prefect's server"
"""What is waited for between two steps, where no call to OpenAI is."""


@contextmanager
def shown_progress() -> Iterator[None]:
    """Show how far the job is while the block runs, and what it waits for."""
    with _bars() if sys.stderr.isatty() else _lines():
        yield


class _Step:
    """What was last heard of a step, and said."""

    def __init__(self, step: Step) -> None:
        self.begun = time.monotonic()
        self.unit = "row" if step in ("read", "write", "load") else "item"
        self.total: int | None = None
        self.done = 0
        self.text = ""
        self.said = ""
        self.said_at = self.begun

    def hear(self, news: News) -> None:
        self.total = self.total if news.total is None else news.total
        self.done = (self.done if news.done is None else news.done) + news.advance
        self.text = news.text or ""

    @property
    def is_done(self) -> bool:
        if not self.total:
            return self.total == 0 and not self.text
        return self.done >= self.total

    def __str__(self) -> str:
        told = counted(self.total or self.done, self.unit)
        return self.text or (f"{self.done:,} of {told}" if self.total else told)


class _Listener:
    """Hears of the steps, and knows what is waited for when nothing has been said for long."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.steps: dict[Step, _Step] = {}
        self.said = ""
        self.heard_at = time.monotonic()

    def hear(self, news: News) -> _Step:
        self.heard_at = time.monotonic()
        step = self.steps.setdefault(news.step, _Step(news.step))
        step.hear(news)
        return step

    def wait_line(self) -> str | None:
        """What to say of a wait; None where nothing else was said of one before."""
        line = f"waiting for {latest_wait() or PREFECT} …"
        new, self.said = line != self.said, line
        return line if new else None

    def is_silent(self) -> bool:
        return time.monotonic() - self.heard_at >= SILENT_SECONDS

    def unfinished(self) -> Step | None:
        """The step that was begun last and is not done, where no call to OpenAI is what it waits for."""
        if latest_wait() is not None:
            return None
        return next((name for name, step in reversed(self.steps.items()) if not step.is_done), None)


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
    listener = _Listener()
    with Progress(*columns, console=Console(stderr=True)) as bars:
        shown: dict[Step, TaskID] = {}

        def show(news: News) -> None:
            with listener.lock:
                step = listener.hear(news)
                if news.step not in shown:
                    shown[news.step] = bars.add_task("", step=news.step)
                total = max(step.total or 0, step.done)
                bars.update(shown[news.step], total=total, completed=step.done, news=step.text)

        def break_silence() -> None:
            with listener.lock:
                if listener.is_silent() and listener.unfinished() is None and (line := listener.wait_line()):
                    bars.console.print(line, style="dim", highlight=False)

        with observed_by(show), every(SECONDS_BETWEEN_LISTENINGS, break_silence):
            yield


@contextmanager
def _lines() -> Iterator[None]:
    listener = _Listener()

    def say(name: Step, step: _Step) -> None:
        if str(step) != step.said:
            step.said, step.said_at = str(step), time.monotonic()
            click.echo(f"{name:<7} {step}, {duration(step.said_at - step.begun)}", err=True)

    def show(news: News) -> None:
        with listener.lock:
            step = listener.hear(news)
            if news in (News(news.step, total=news.total), News(news.step, total=news.total, done=0)):
                step.said = ""
                return  # that it is to come is no news yet
            is_held_up = news.text is not None and news.step == "upload"
            if step.is_done or is_held_up or time.monotonic() - step.said_at >= SECONDS_BETWEEN_LINES:
                say(news.step, step)

    def break_silence() -> None:
        with listener.lock:
            if not listener.is_silent():
                return
            if name := listener.unfinished():
                say(name, listener.steps[name])
            elif line := listener.wait_line():
                click.echo(line, err=True)

    with observed_by(show), every(SECONDS_BETWEEN_LISTENINGS, break_silence):
        yield
