"""The answer store of a command as it is now, before any flow is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from ...batch.jobs.only_new.mark_keys import mark_key
from ...batch.jobs.only_new.window import no_store
from ...batch.jobs.opening import absolute
from ...batch.jobs.options import RunOptions
from ...batch.requests.request import Request
from ...batch.tables.any_source import Source, rewritten
from ...batch.tables.sources import FileSource
from ...batch.watermarks.mark import Mark
from .. import process

if TYPE_CHECKING:
    from ...batch.answer_store.store import AnswerStore


class StoreNow(NamedTuple):
    """An answer store that is open, its name, and the server that the command's items would go to."""

    store: AnswerStore
    name: str
    server: str


@contextmanager
def store_now(options: RunOptions, credentials: str | None) -> Iterator[StoreNow | None]:
    """The answer store that is wished for, or the team's, open in the block; None where there is none.

    Prefect is asked only where a block is named.
    """
    name = options.answers or process.team_store()
    if not name:
        yield None
        return
    from ...blocks.databases import open_store  # and with it Prefect, which a command begins without
    from ...blocks.databases.answer_stores import NONE, needs_prefect
    from ...tasks.remote.connection import connect

    if name == NONE:
        yield None
        return

    surroundings = process.prefect_in_this_process if needs_prefect(name) or credentials else nullcontext
    with surroundings(), open_store(name) as store, connect(credentials) as connection:
        yield StoreNow(store, name, connection.server)


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
