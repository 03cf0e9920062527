"""Two processes that created a batch of the same items settle on one."""

import time
from collections.abc import Mapping
from contextlib import suppress

from openai import OpenAIError

from ...batch import clock
from ...batch.files.batches import Batch, BatchStatus
from ...batch.files.input_files import InputFile
from ...batch.jobs.submissions import note_twins
from .connection import Connection
from .listing import created_since, repeat_look

LAG_SECONDS = 10.0
"""How long a new batch is waited for in the list, before it is taken to have no twin."""

_OPEN = (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)


def twins_of(connection: Connection, batch: Batch, identity: Mapping[str, str]) -> list[Batch]:
    """The batches that bear a new batch's identity, itself among them, once the list has caught up with it.

    Where the list cannot be read, or does not catch up in time, the batch is taken to be alone.
    """
    since = batch.created_at or clock.now()
    end = time.monotonic() + LAG_SECONDS
    found: list[Batch] = []
    with suppress(OpenAIError):
        found = repeat_look(
            lambda: created_since(connection, identity, since),
            enough=lambda seen: batch.id in {one.id for one in seen},
            seconds_left=lambda: end - time.monotonic(),
        )
    return found if batch.id in {one.id for one in found} else [*found, batch]


def keep_oldest(connection: Connection, file: InputFile, found: list[Batch]) -> Batch:
    """Of batches with one identity, the oldest first, the one that every process settles on.

    The oldest stays. The younger ones are cancelled where they are still open: what they have not run by then
    is not paid for a second time.
    """
    oldest, *younger = found
    for twin in younger:
        if twin.status in _OPEN:
            with suppress(OpenAIError):
                connection.cancel(twin.id)
    note_twins(file, younger)
    return oldest
