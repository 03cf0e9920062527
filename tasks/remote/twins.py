"""Two processes that created a batch of the same items settle on one."""

import time
from collections.abc import Mapping
from contextlib import suppress

from openai import OpenAI, OpenAIError

from ...batch import clock
from ...batch.files.batches import Batch, BatchStatus
from ...batch.files.input_files import InputFile
from ...batch.jobs.submissions import note_twins
from .listing import CLOCK_SLACK_SECONDS, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, bearing, listed_since

LAG_SECONDS = 10.0
"""How long a new batch is waited for in the list, before it is taken to have no twin."""


_OPEN = (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)


def twins_of(client: OpenAI, batch: Batch, identity: Mapping[str, str]) -> list[Batch]:
    """The batches that bear a new batch's identity, itself among them, once the list has caught up with it.

    Where the list cannot be read, or does not catch up in time, the batch is taken to be alone.
    """
    since = (batch.created_at or clock.now()) - CLOCK_SLACK_SECONDS
    end, pause = time.monotonic() + LAG_SECONDS, FIRST_PAUSE_SECONDS
    with suppress(OpenAIError):
        while True:
            found = bearing(listed_since(client, since), identity)
            if batch.id in {one.id for one in found}:
                return found
            if time.monotonic() > end:
                return [*found, batch]
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return [batch]


def agree(client: OpenAI, file: InputFile, found: list[Batch]) -> Batch:
    """Of batches with one identity, the oldest first, the one that every process settles on.

    The oldest stays. The younger ones are cancelled where they are still open: what they have not run by then
    is not paid for a second time.
    """
    oldest, *younger = found
    for twin in younger:
        if twin.status in _OPEN:
            with suppress(OpenAIError):
                client.with_options(max_retries=0).batches.cancel(twin.id)
    note_twins(file, younger)
    return oldest
