"""`marks`: how far tables were taken by their watermarks, and a mark forgotten."""

import json

import click

from .. import process
from .answers_command import opened_store, store_option, yes

SHORTEST_KEY = 8
"""Digits of a mark's key that are shown, and name it."""

_LINE = "{:<8}  {:<{width}}  {:<{column}}  {:<30}  {:>10}  {}"


@click.group("marks")
def marks_command() -> None:
    """See how far tables were taken by their watermarks, and forget a mark."""


@marks_command.command("show")
@store_option
@process.as_json
def show_marks(name: str | None, *, as_json: bool) -> None:
    """Show each mark: of which table and column, its value, the rows remembered with it, and who moved it."""
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
    widths = {"width": max(len(one.name) for one in marks), "column": max(6, *(len(one.column) for one in marks))}
    click.echo(_LINE.format("key", "table", "column", "mark", "remembered", "moved by the job", **widths))
    for one in marks:
        told = (one.key[:SHORTEST_KEY], one.name, one.column, one.mark.shown, f"{one.remembered:,}")
        click.echo(_LINE.format(*told, one.mark.job_key, **widths))


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
        of = f"{mark.name}, {mark.column} ({mark.mark.shown})"
        question = f"Forget the mark of {of}? The next run takes all rows."
        if not (sure or click.confirm(question)):
            click.echo("nothing forgotten")
            return
        marks.forget([mark.key])
    click.echo(f"forgotten: {of}")
