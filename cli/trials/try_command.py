"""`try`: some rows of a table answered at once, and what the whole would cost."""

from typing import Any

import click
from rich.console import Console

from ...batch.progress import waited_for
from ...batch.requests.request import Request
from ...batch.tables.any_source import Source, path_of
from ...batch.trials.expectations import read_expected
from ...batch.trials.samples import ROWS
from ...batch.trials.shown.terminal import WIDTH, print_blocks
from ...batch.trials.trial import Trial
from .. import process
from ..databases.sql_options import connect_early
from ..destinations.scheduled_days import of_today
from ..progress import shown_progress
from ..reports.ended_jobs import EXIT_INCOMPLETE
from ..requests import TABLE_OPTIONS, make_request, make_source, request_options, table_options
from ..run_options import run_options
from .run_line import whole_by_batch


@click.command("try")
@click.argument("source", required=False)
@click.option(
    "--rows", type=click.IntRange(min=1), default=ROWS, show_default=True, help="How many rows are asked."
)
@click.option("--first", is_flag=True, help="Ask the first rows, instead of some from everywhere in the table.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="The same seed asks the same rows.")
@click.option(
    "--expect",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="A column that holds the true answer, such as sentiment=label; of untyped answers answer=label.",
)
@click.option(
    "--model", "-m", "models", multiple=True, help="The model; several are asked the same rows, side by side."
)
@request_options
@table_options
@run_options("price_in", "price_out", "answers")
@process.credentials
@process.base_url
@process.as_json
@process.verbose
def try_command(
    source: str | None,
    rows: int,
    seed: int,
    expect: tuple[str, ...],
    models: tuple[str, ...],
    request_file: str | None,
    credentials: str | None,
    price_in: float | None,
    price_out: float | None,
    answers: str,
    *,
    first: bool,
    as_json: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Ask a model some rows of SOURCE at once, and tell what the whole table would cost.

    The synchronous API answers them, at full price; nothing is uploaded. Only an answer store keeps them, where
    one is named or the team has one. A table is named and asked as for `run`, a database's too.
    """
    process.quieten(verbose=verbose)
    table, _ = of_today(make_source(source, **{name: given.pop(name) for name in TABLE_OPTIONS}))
    request = make_request(request_file, model=None if request_file else next(iter(models), None), **given)
    compared = models if request_file or len(models) > 1 else ()
    wishes = {"rows": rows, "models": compared, "expect": read_expected(expect), "seed": seed, "first": first}
    prices = {"price_in": price_in, "price_out": price_out, "answers": answers or process.team_store()}
    trial = _trial(table, request, credentials, verbose=verbose, **wishes, **prices)
    _show(trial, whole_by_batch(click.get_current_context()), as_json=as_json)
    return 0 if trial.report.complete else EXIT_INCOMPLETE


def _trial(table: Source, request: Request, credentials: str | None, *, verbose: bool, **wishes: Any) -> Trial:
    process.quieten(verbose=verbose)
    with waited_for("loading OpenAI's client"):
        from ...flows import try_rows

    # A block is asked of Prefect's server; nothing else is.
    from ...blocks.databases.answer_stores import needs_prefect

    asks_prefect = (
        credentials
        or (path_of(table) is None and connect_early(table) is None)
        or (wishes["answers"] and needs_prefect(wishes["answers"]))
    )
    surroundings = process.prefect_in_this_process if asks_prefect else process.calls_in_this_process
    with surroundings(verbose=verbose), shown_progress():
        return try_rows(table, request, credentials=credentials, **wishes)


def _show(trial: Trial, line: str, *, as_json: bool) -> None:
    """The trial: for a program as JSON; for a person as tables, with the command that would do the whole."""
    if as_json:
        process.print_json(trial.as_json())
        return
    console = Console()
    if console.is_terminal:
        print_blocks(trial.blocks, Console(width=min(console.width, WIDTH), highlight=False))
    else:
        click.echo(trial)
    click.echo(line)
