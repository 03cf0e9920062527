"""Where a flow's results go: what its parameter may be, and what is made of it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from ..batch.errors import DestinationError
from ..batch.jobs.only_new.appending import check_keeps_earlier_rows
from ..batch.tables.sql.sql_destination import SqlDestination
from .defaults import with_schedule

Destination = Annotated[str, Field(title="A path or URL")] | SqlDestination
"""A path, a URL, or a table of a database."""


def path_written(destination: Destination | None) -> str | None:
    """The path or URL of a destination; None of a database's table, and of none."""
    return destination if isinstance(destination, str) else None


def scheduled_destination(destination: Destination | None, begun: datetime) -> Destination | None:
    """The destination of a run that was to start then: `{scheduled:%Y-%m-%d}` is its day, of a table too."""
    if isinstance(destination, SqlDestination):
        return destination.model_copy(update={"table": with_schedule(destination.table, begun)})
    return with_schedule(destination, begun) if destination else None


def refuse_if_exists(source: Any, destination: Any, if_exists: str) -> None:
    """Refuse to be told twice what becomes of a table's rows, and to lose those of the nights before.

    Raises:
        DestinationError: a database's table has its own `if_exists`, or new rows alone would replace a file.
    """
    check_keeps_earlier_rows(source, destination, if_exists)
    if isinstance(destination, SqlDestination) and if_exists != "refuse":
        raise DestinationError(
            f"{destination}: what becomes of the rows that are there is said in its own if_exists "
            f"({destination.if_exists!r}): leave out the flow's.",
            path=str(destination),
        )
