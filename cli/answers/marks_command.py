"""`marks`: how far tables were taken by their watermarks, and a mark forgotten."""

import json
from typing import TYPE_CHECKING

import click

from .. import process
from .answers_command import opened_store, store_option, yes
from .listing import listing

if TYPE_CHECKING:
    from ...batch.answer_store.kept_marks import Marked

SHORTEST_KEY = 8
"""Digits of a mark's key that are shown, and name it."""

_HEADERS = ("key", "table", "column", "mark", "remembered", "moved by the job", "on", "asks")

_NUMBERS = (4,)


@click.group("marks")
def marks_command() -> None:
    """See how far tables were taken by their watermarks, and forget a mark."""


@marks_command.command("show")
@store_option
@process.as_json
def show_marks(name: str | None, *, as_json: bool) -> None:
    """Show each mark: its table and column, its value, the rows remembered with it, who moved it and asks what.

    Two marks of one table differ in what is asked of its rows.
    """
    with opened_store(name) as store:
        from ...batch.answer_store.kept_marks import KeptMarks

        marks = KeptMarks(store).all()
    if as_json:
        for one in marks:
            process.print_json(json.dumps({**one._asdict(), "mark": one.mark.model_dump(mode="json")}))
        return
    if not marks:
        click.echo("no marks are kept", err=True)
        return
    click.echo(listing(_HEADERS, [_line(one) for one in marks], right=_NUMBERS))


@marks_command.command("forget")
@click.argument("key")
@store_option
@yes
def forget_mark(key: str, name: str | None, *, sure: bool) -> None:
    """Forget the mark of this KEY, or its beginning, as `marks show` tells it: the next run takes all rows."""
    with opened_store(name) as store:
        from ...batch.answer_store.kept_marks import KeptMarks

        marks = KeptMarks(store)
        found = [one for one in marks.all() if one.key.startswith(key)]
        if len(found) != 1 or not key:
            raise click.UsageError(
                f"{len(found)} marks have a key that begins with {key!r}: `marks show` lists what there is."
            )
        (mark,) = found
        asks = mark.mark.asks and f", {mark.mark.asks}"
        of = f"{mark.name}, {mark.column} ({mark.mark.shown}{asks})"
        question = f"Forget the mark of {of}? The next run takes all rows."
        if not (sure or click.confirm(question)):
            click.echo("nothing forgotten")
            return
        marks.forget([mark.key])
    click.echo(f"forgotten: {of}")


def _line(one: "Marked") -> tuple[str, ...]:
    mark = one.mark
    told = (one.name, one.column, mark.shown, f"{one.remembered:,}")
    return one.key[:SHORTEST_KEY], *told, mark.job_key, f"{mark.read_at:%Y-%m-%d}", mark.asks
