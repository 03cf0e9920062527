"""Look at batches, in as few calls as there are."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from math import inf

from openai import APIStatusError
from pydantic import ValidationError

from ...batch import clock
from ...batch.errors import BatchUnknown
from ...batch.files.batches import REFUSED, Batch
from ...batch.jobs.options import SETTLE_SECONDS
from .connection import NOT_ALLOWED, Connection
from .tries import FINDING, AnswerUnreadable, Tries


def look_at(connection: Connection, batches: Iterable[Batch], tries: Tries = FINDING) -> list[Batch]:
    """These batches as they stand now, in the order given, in as few calls as there are.

    One that the server does not know stands as it was if it is so young that the server may lag, or if it is
    lost: long overdue, while its input file is there.

    Raises:
        BatchUnknown: the server does not know some of the others, though asked as often as `tries` says.
    """
    return tries.call(_look_at, connection, {batch.id: batch for batch in batches})


@contextmanager
def listing_missing() -> Iterator[None]:
    """Pass over that a server has no listing, or that this key may not see it."""
    try:
        yield
    except APIStatusError as error:
        if error.status_code not in NOT_ALLOWED:
            raise


def _look_at(connection: Connection, known: dict[str, Batch]) -> list[Batch]:
    found = {batch.id: batch for batch in known.values() if batch.id.startswith(REFUSED)}
    asked = {batch_id: batch for batch_id, batch in known.items() if batch_id not in found}
    if len(asked) > 1:
        with listing_missing():
            found |= _from_pages(connection, asked)
    errors: list[BatchUnknown] = []
    listed = cache(partial(_listed, connection, [batch for batch in asked.values() if batch.id not in found]))
    for batch in asked.values():
        try:
            found[batch.id] = found.get(batch.id) or _look(connection, batch, listed)
        except BatchUnknown as error:
            errors.append(error)
    if errors:
        unknown = tuple(batch_id for batch_id in known if batch_id not in found)
        raise BatchUnknown(str(errors[0]), **{**errors[0].details, "batch_ids": unknown})
    return [found[batch_id] for batch_id in known]


def _look(connection: Connection, batch: Batch, listed: Callable[[], Mapping[str, Batch]]) -> Batch:
    """A batch as it stands now, or as it was where it may be there all the same."""
    try:
        return connection.batch(batch.id, batch.input_file)
    except (BatchUnknown, ValidationError, AnswerUnreadable) as error:
        found = listed().get(batch.id)
        unknown = found is None and isinstance(error, BatchUnknown)
        if unknown and not _is_young(batch) and not is_lost(connection, batch):
            raise
    return (found or batch).model_copy(update={"input_file": batch.input_file})


def _listed(connection: Connection, batches: Iterable[Batch]) -> dict[str, Batch]:
    """Batches as the list shows them; those without a time are not looked for there: that may take all pages."""
    left = {batch.id: batch.created_at for batch in batches if batch.created_at is not None}
    found: dict[str, Batch] = {}
    with listing_missing():
        for batch in connection.batches_since(min(left.values())) if left else ():
            if left.pop(batch.id, None) is not None:
                found[batch.id] = batch
            if not left:
                break
    return found


def _is_young(batch: Batch) -> bool:
    """Whether a batch is so new that the server may not know it yet."""
    return batch.created_at is not None and clock.now() - batch.created_at < SETTLE_SECONDS


def is_lost(connection: Connection, batch: Batch) -> bool:
    """Whether a batch that is not known is gone, and not another account's: then its input file is there."""
    overdue = batch.is_lost(clock.now())
    return overdue and batch.input_file_id is not None and connection.has_file(batch.input_file_id)


def _from_pages(connection: Connection, known: dict[str, Batch]) -> dict[str, Batch]:
    """The batches on the listing's pages, the newest first, as far as pages are fewer calls than batches."""
    found: dict[str, Batch] = {}
    for page in connection.batch_pages():
        found |= {
            batch.id: batch.model_copy(update={"input_file": known[batch.id].input_file})
            for batch in page
            if batch.id in known
        }
        left = [batch for batch_id, batch in known.items() if batch_id not in found]
        if len(left) <= _pages_to(left, page):
            break
    return found


def _pages_to(wanted: list[Batch], listed: list[Batch]) -> float:
    """How many pages more it takes to come to the oldest of these, if batches were as frequent before as here."""
    times = [batch.created_at or 0 for batch in listed]
    oldest = min((batch.created_at or 0 for batch in wanted), default=0)
    if not times or oldest > times[-1]:
        return inf  # they are not in the list
    return (times[-1] - oldest) / max(times[0] - times[-1], 1)
