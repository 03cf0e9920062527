"""Look at batches, in as few calls as there are."""

from collections.abc import Iterable
from contextlib import suppress
from math import inf

from openai import NotFoundError, OpenAI
from pydantic import ValidationError

from ...batch.files.batches import Batch, read_batch
from .listing import listed_since

PAGE = 100
"""So many batches are on a page of the listing."""


def look_at(client: OpenAI, batches: Iterable[Batch]) -> list[Batch]:
    """These batches as they stand now, in the order given, in as few calls as there are."""
    known = {batch.id: batch for batch in batches}
    listed: dict[str, Batch] = {}
    if len(known) > 1:
        with suppress(NotFoundError):  # a server that has no listing
            listed = _from_pages(client, known)
    return [listed.get(batch_id) or _look(client, batch) for batch_id, batch in known.items()]


def _look(client: OpenAI, batch: Batch) -> Batch:
    """A batch as it stands now; one that is neither there nor in the list as it was."""
    try:
        return read_batch(client.batches.retrieve(batch.id), batch.input_file)
    except (NotFoundError, ValidationError):
        listed = listed_since(client, batch.created_at or 0)
        found = next((one for one in listed if one.id == batch.id), batch)
        return found.model_copy(update={"input_file": batch.input_file})


def _from_pages(client: OpenAI, known: dict[str, Batch]) -> dict[str, Batch]:
    """The batches on the listing's pages, the newest first, as far as pages are fewer calls than batches."""
    page = client.batches.list(limit=PAGE)
    found: dict[str, Batch] = {}
    while True:
        listed = [read_batch(batch) for batch in page.data]
        found |= {
            batch.id: batch.model_copy(update={"input_file": known[batch.id].input_file})
            for batch in listed
            if batch.id in known
        }
        left = [batch for batch_id, batch in known.items() if batch_id not in found]
        if len(left) <= _pages_to(left, listed) or not page.has_next_page():
            return found
        page = page.get_next_page()


def _pages_to(wanted: list[Batch], listed: list[Batch]) -> float:
    """How many pages more it takes to come to the oldest of these, if batches were as frequent before as here."""
    times = [batch.created_at or 0 for batch in listed]
    oldest = min((batch.created_at or 0 for batch in wanted), default=0)
    if not times or oldest > times[-1]:
        return inf  # they are not in the list
    return (times[-1] - oldest) / max(times[0] - times[-1], 1)
