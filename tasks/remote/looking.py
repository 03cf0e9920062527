"""Look at batches, in as few calls as there are."""

from collections.abc import Iterable
from contextlib import suppress
from math import inf

from openai import NotFoundError
from pydantic import ValidationError

from ...batch.files.batches import Batch
from .connection import Connection


def look_at(connection: Connection, batches: Iterable[Batch]) -> list[Batch]:
    """These batches as they stand now, in the order given, in as few calls as there are."""
    known = {batch.id: batch for batch in batches}
    listed: dict[str, Batch] = {}
    if len(known) > 1:
        with suppress(NotFoundError):  # a server that has no listing
            listed = _from_pages(connection, known)
    return [listed.get(batch_id) or _look(connection, batch) for batch_id, batch in known.items()]


def _look(connection: Connection, batch: Batch) -> Batch:
    """A batch as it stands now; one that is neither there nor in the list as it was."""
    try:
        return connection.batch(batch.id, batch.input_file)
    except (NotFoundError, ValidationError):
        listed = connection.batches_since(batch.created_at or 0)
        found = next((one for one in listed if one.id == batch.id), batch)
        return found.model_copy(update={"input_file": batch.input_file})


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
