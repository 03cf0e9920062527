"""Starts of one job that share no folder settle on one batch of the same items.

Each looks for other batches of its items in OpenAI's list, from the creation of its own until that one has left
validation, and at least until it is listed itself: then the list shows all that are older. All choose alike which
one stays, and what gives way is cancelled. So of batches that the list shows before any of them runs, one runs.

That is needed where an input file is `contested`: where its job's key may have been used elsewhere, and its folder
lies on a local disk, which another machine does not see. In a folder that all starts share, claims see to it.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from math import inf

from openai import OpenAIError

from ...batch import clock
from ...batch.errors import BatchUnknown
from ...batch.files.batches import ENDED, Batch, BatchStatus
from ...batch.files.identity import identity_of, with_identity
from ...batch.files.input_files import InputFile
from ...batch.jobs.options import SETTLE_SECONDS
from ...batch.jobs.submissions import gave_way, note_submission, note_twins
from .connection import Connection
from .listing import CLOCK_SLACK_SECONDS, FIRST_PAUSE_SECONDS
from .tries import pause

LONGEST_PAUSE_SECONDS = 1.0
"""Between two looks for a twin: one that the list shows a second before it runs is found."""

_OPEN = (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)

log = logging.getLogger(__name__)


def settle(connection: Connection, seen: Iterable[Batch], until: float = inf) -> list[Batch]:
    """Look for twins of these batches, as long as one of them may have some and none of them has ended.

    That lasts no longer than `SETTLE_SECONDS` after a batch's creation. Where validation does, each further look
    at the batches makes one for their twins.

    Args:
        connection: Where they are.
        seen: The batches as they were just seen.
        until: From then on, in Unix seconds, validation is not waited for, and no more than the list's lag is.

    Returns:
        The batches as they stand. One that gave way is cancelled, and its input file's record names its twin.
    """
    standing = {batch.id: batch for batch in seen}
    seconds = FIRST_PAUSE_SECONDS
    while wanted := [batch for batch in standing.values() if _may_have_twins(batch)]:
        try:
            listed = list(connection.batches_since(_oldest(wanted) - CLOCK_SLACK_SECONDS))
            for batch in wanted:
                standing[batch.id] = _settled(connection, batch, listed)
        except (OpenAIError, BatchUnknown) as error:
            log.warning("Batches of the same items could not be looked for: %s", type(error).__name__)
            break
        if any(batch.status in ENDED or gave_way(batch) for batch in standing.values()):
            break
        if not any(_is_waited_for(standing[batch.id], listed, until) for batch in wanted):
            break
        pause(seconds)
        seconds = min(2 * seconds, LONGEST_PAUSE_SECONDS)
    return list(standing.values())


def _oldest(batches: Iterable[Batch]) -> float:
    return min(batch.created_at or 0 for batch in batches)


def _is_new(batch: Batch) -> bool:
    """Whether the list may still lag behind a batch's creation."""
    return batch.created_at is not None and clock.now() - batch.created_at < SETTLE_SECONDS


def _may_have_twins(batch: Batch) -> bool:
    if batch.input_file is None or not batch.input_file.contested or batch.status not in _OPEN:
        return False
    return batch.status == BatchStatus.VALIDATING or _is_new(batch)


def _is_waited_for(batch: Batch, listed: list[Batch], until: float) -> bool:
    """Whether the list may lag behind older twins of a batch, or somebody may still keep it from running."""
    lags = batch.id not in {one.id for one in listed}
    return _is_new(batch) and (lags or (batch.status == BatchStatus.VALIDATING and clock.now() < until))


def _settled(connection: Connection, batch: Batch, listed: list[Batch]) -> Batch:
    """A batch as it stands beside its twins that are listed: it stays and they are cancelled, or it gives way.

    Raises:
        APIError: it cannot be cancelled, or not be looked at; nothing is recorded then.
    """
    file = batch.input_file
    assert file is not None, "what is contested has an input file"
    own = next((one for one in listed if one.id == batch.id), None)
    if own is not None and own.status == BatchStatus.FAILED:  # it runs nothing, and another attempt follows
        return own.model_copy(update={"input_file": file})
    found = with_identity(listed, identity_of(file))
    others = [one for one in found if one.id != batch.id]
    if own is None:  # only where there are others, how it stands counts
        own = connection.batch(batch.id) if others else batch
    if others and with_identity([own, *others], identity_of(file))[0].id != own.id:
        own = connection.cancel(own.id)
        note_submission(file, keep_one(connection, file, [own, *others]))
    elif others:
        keep_one(connection, file, [own, *others])
    return own.model_copy(update={"input_file": file})


def keep_one(connection: Connection, file: InputFile, found: Iterable[Batch]) -> Batch:
    """Of batches with one identity the one that stays, by the order in which all processes choose.

    The others are cancelled where they are still open: what they have not run by then is not paid for twice.
    """
    stays, *others = with_identity(found, identity_of(file))
    for twin in others:
        if twin.status in _OPEN:
            with suppress(OpenAIError, BatchUnknown):
                connection.cancel(twin.id)
    note_twins(file, others)
    return stays
