"""`--to`, or `--to-sql` with what belongs to it: where the table with answers goes."""

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click
from pydantic import ValidationError

from ...batch.storage.locations import absolute
from ...batch.tables.destinations import check_destination
from ...batch.tables.sql.sql_destination import IfTableExists, SqlDestination

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--to-sql", metavar="NAME", help="Or the database of that table: a block or an environment variable."
    ),
    click.option("--to-table", metavar="TABLE", help="The table in it, made where it is missing."),
    click.option(
        "--if-exists",
        type=click.Choice(get_args(IfTableExists)),
        help="What becomes of the rows of a table that is there.  [default: refuse]",
    ),
    click.option("--key-column", "key_columns", multiple=True, help="For upsert: what rows are told apart by."),
)


def destination_options(where: str) -> Callable[[Command], Command]:
    """Give a command `--to`, which says `where`, and the options of a database's table."""

    def decorate(command: Command) -> Command:
        for option in reversed(_OPTIONS):
            command = option(command)
        return click.option("--to", "path", metavar="DEST", help=where)(command)

    return decorate


def make_destination(
    path: str | None = None,
    to_sql: str | None = None,
    to_table: str | None = None,
    if_exists: str | None = None,
    key_columns: tuple[str, ...] = (),
) -> SqlDestination | str | None:
    """The destination that the options name; None where they name none.

    Raises:
        click.UsageError: they contradict each other, or cannot be used.
    """
    if to_sql is None:
        if to_table or if_exists or key_columns:
            raise click.UsageError("--to-table, --if-exists and --key-column go with --to-sql NAME, a database's.")
        return path
    if path is not None:
        raise click.UsageError("Say one place where the results go: --to or --to-sql.")
    if to_table is None:
        raise click.UsageError("--to-sql needs --to-table TABLE.")
    named = {"database": to_sql, "table": to_table, "key_columns": key_columns}
    try:
        return SqlDestination.model_validate({**named, **({"if_exists": if_exists} if if_exists else {})})
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        option = _NAMED.get(str(problem["loc"][0]) if problem["loc"] else "", "--key-column")
        raise click.UsageError(f"{option}: {problem['msg'].removeprefix('Value error, ')}.") from None


_NAMED = {"database": "--to-sql", "table": "--to-table"}


def check_place(destination: SqlDestination | str) -> None:
    """Refuse a file that cannot be written, and one that is there; of a database the flow asks.

    Raises:
        DestinationError: it is there or cannot be written.
    """
    if isinstance(destination, str):
        check_destination(absolute(destination), "refuse")


def identity(destination: SqlDestination | str) -> str:
    """What tells a destination from others."""
    return absolute(destination) if isinstance(destination, str) else destination.model_dump_json()
