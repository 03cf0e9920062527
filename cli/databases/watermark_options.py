"""`--watermark COLUMN --lag LAG`: only what is new of a table."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from pydantic import ValidationError

from ...batch.tables.any_source import Source
from ...batch.watermarks.watermark import Watermark

Command = TypeVar("Command", bound=Callable[..., Any])

WATERMARK_OPTIONS = ("watermark", "lag", "mark_name", "row_keys")
"""What `with_watermark` takes."""


def watermark_options(command: Command) -> Command:
    """Give a command the options by which it takes what is new of its table."""
    for option in (
        click.option(
            "--row-key",
            "row_keys",
            metavar="COLUMN",
            multiple=True,
            help="With --watermark: what rows are told apart by, once each.  [default: all columns]",
        ),
        click.option("--mark-name", metavar="NAME", help="Go on from the mark of this name, whatever is asked."),
        click.option("--lag", metavar="LAG", help="How late rows may come: 1000 of integers, 2h or 1d of times."),
        click.option(
            "--watermark",
            metavar="COLUMN",
            help="Only rows that no finished run has taken, by a column in which later rows have higher values; "
            "needs --answers.",
        ),
    ):
        command = option(command)
    return command


def with_watermark(
    source: Source, watermark: str | None, lag: str | None, mark_name: str | None, row_keys: tuple[str, ...]
) -> Source:
    """A source that is read for its new rows, where a watermark is named.

    Raises:
        click.UsageError: there is a lag or a name without a watermark, or the lag is none.
    """
    if watermark is None:
        if lag or mark_name or row_keys:
            raise click.UsageError("--lag, --mark-name and --row-key are of a watermark: add --watermark COLUMN.")
        return source
    try:
        found = Watermark(column=watermark, lag=lag or 0, name=mark_name, key_columns=row_keys or None)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        raise click.UsageError(f"--{problem['loc'][0]}: {problem['msg'].removeprefix('Value error, ')}") from None
    return source.model_copy(update={"watermark": found})
