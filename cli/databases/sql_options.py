"""`--from-sql NAME --query "…"` or `--table TABLE`, in place of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click
from pydantic import ValidationError

from ...batch.tables.any_source import Source
from ...batch.tables.sources import FileSource
from ...batch.tables.sql.sql_source import SqlSource
from .. import process

if TYPE_CHECKING:
    from ...batch.tables.sql.sql_reading import Connect

Command = TypeVar("Command", bound=Callable[..., Any])


def sql_options(command: Command) -> Command:
    """Give a command the options by which its table comes from a database."""
    for option in (
        click.option(
            "--query-param",
            "query_parameters",
            multiple=True,
            metavar="NAME=VALUE",
            help="What a :NAME in the query stands for; JSON where it parses.",
        ),
        click.option("--table", metavar="TABLE", help="With --from-sql: a whole table or view, SCHEMA.TABLE too."),
        click.option("--query", metavar="SQL", help="With --from-sql: what is asked."),
        click.option(
            "--from-sql",
            metavar="NAME",
            help="In place of SOURCE a database: the name of an environment variable that holds its SQLAlchemy "
            "URL, or of a SqlAlchemyConnector or Secret block.",
        ),
    ):
        command = option(command)
    return command


def make_sql_source(
    database: str, query: str | None, table: str | None, parameters: dict[str, Any], limit: int | None
) -> SqlSource:
    """What is asked of a database.

    Raises:
        click.UsageError: it asks for nothing or for two things, or a parameter is missing.
    """
    if (query is None) == (table is None):
        what = "not both" if query else "to say what is read"
        raise click.UsageError(f'--from-sql takes either --query "SELECT …" or --table TABLE, {what}.')
    try:
        return SqlSource(database=database, query=query, table=table, parameters=parameters, limit=limit)
    except ValidationError as error:
        problem = error.errors(include_input=False)[0]
        words = problem["msg"].removeprefix("Value error, ")
        option = _NAMED.get(str(problem["loc"][0]) if problem["loc"] else "", "--query-param")
        raise click.UsageError(f"{option}: {words.rstrip('.')}.") from None


_NAMED = {"database": "--from-sql", "query": "--query", "table": "--table", "limit": "--limit"}


def connect_early(source: Source) -> Connect | None:
    """What makes engines before Prefect is started; None where a block has to be asked for."""
    if isinstance(source, FileSource) or not os.environ.get(source.database):
        return None
    from ...blocks.databases import database_engine

    return database_engine


@contextmanager
def connecting(source: Source, *, verbose: bool = False) -> Iterator[Connect | None]:
    """What makes engines, of blocks too: Prefect is asked in the block only where one is named."""
    if isinstance(source, FileSource):
        yield None
        return
    from ...blocks.databases import database_engine

    if os.environ.get(source.database):
        yield database_engine
        return
    process.quieten(verbose=verbose)
    with process.prefect_in_this_process(verbose=verbose):
        yield database_engine
