"""The answer store of a command as it is now, before any flow is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ...batch.jobs.only_new.mark_keys import mark_key
from ...batch.jobs.only_new.window import no_store
from ...batch.jobs.options import RunOptions
from ...batch.requests.request import Request
from ...batch.storage.locations import absolute
from ...batch.tables.any_source import Source, rewritten
from ...batch.tables.sources import FileSource
from ...batch.watermarks.mark import Mark
from .. import process

if TYPE_CHECKING:
    from ...batch.answer_store.store import AnswerStore


class StoreNow(NamedTuple):
    """An answer store that is open, its name, and the server that the command's items would go to.

    `is_there` says whether it exists: an empty one in memory stands for one that a run would make.
    """

    store: AnswerStore
    name: str
    server: str
    is_there: bool


@contextmanager
def store_now(options: RunOptions, credentials: str | None) -> Iterator[StoreNow | None]:
    """The answer store that is wished for, or the team's, open in the block; None where none is named.

    To look into it makes nothing. Prefect is asked only where a block is named.
    """
    name = options.answers or process.team_store()
    if not name:
        yield None
        return
    from ...blocks.databases import existing_store  # and with it Prefect, which a command begins without
    from ...blocks.databases.answer_stores import NONE, needs_prefect
    from ...tasks.remote.connection import connect

    if name == NONE:
        yield None
        return

    surroundings = process.prefect_in_this_process if needs_prefect(name) or credentials else nullcontext
    with surroundings():
        found = existing_store(name)
        with found or _empty_store() as store, connect(credentials) as connection:
            yield StoreNow(store, name, connection.server, found is not None)


def _empty_store() -> AnswerStore:
    from sqlalchemy import StaticPool, create_engine

    from ...batch.answer_store.store import AnswerStore

    return AnswerStore(create_engine("sqlite://", poolclass=StaticPool))


def say_if_new(name: str) -> None:
    """Say that a run makes a store of this name, where it is a file: one that is misspelt knows no answer."""
    from ...blocks.databases.answer_stores import is_file, whole_name

    if name and is_file(name) and not Path(whole_name(name)).exists():
        click.echo(f"there is no answer store {name} yet: this run makes it", err=True)


def mark_now(table: Source, request: Request, options: RunOptions, credentials: str | None) -> Mark | None:
    """The mark of a command's table as it is kept now; None where there is none, or the table has no watermark.

    Raises:
        SourceError: there is no answer store that keeps marks.
    """
    if table.watermark is None:
        return None
    with store_now(options, credentials) as now:
        if now is None:
            raise no_store(table)
        from ...batch.answer_store.kept_marks import KeptMarks

        source = rewritten(table, absolute) if isinstance(table, FileSource) else table
        kept = KeptMarks(now.store).find(mark_key(source, request, now.server))
    return None if kept is None else kept.mark
