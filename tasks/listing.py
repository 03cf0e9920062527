"""Find in OpenAI's list what was created there.

The list may lag: one empty look right after a creation proves nothing.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import takewhile

from openai import OpenAI, OpenAIError

from ..batch import clock
from ..batch.batches import Batch, BatchStatus, read_batch
from ..batch.input_files import InputFile
from ..batch.submissions import note_twins
from .retrying import may_pass

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
"""Between two looks for a batch in the list; they come less often the longer it takes."""

LAG_SECONDS = 10.0
"""How long a new batch is waited for in the list, before it is taken to have no twin."""

CLOCK_SLACK_SECONDS = 600
"""How far our clock and OpenAI's may be apart."""

_OPEN = (BatchStatus.VALIDATING, BatchStatus.IN_PROGRESS, BatchStatus.FINALIZING)


def listed_since(client: OpenAI, since: float) -> Iterator[Batch]:
    """The batches that OpenAI lists, the newest first, back to those created at `since` (Unix seconds)."""
    listed = map(read_batch, client.batches.list(limit=100))
    return takewhile(lambda batch: (batch.created_at or since) >= since, listed)


def bearing(batches: Iterable[Batch], identity: Mapping[str, str]) -> list[Batch]:
    """The batches that bear this identity and did not fail at validation, the oldest first."""
    ours = [
        batch
        for batch in batches
        if batch.status != BatchStatus.FAILED and identity.items() <= batch.metadata.items()
    ]
    return sorted(ours, key=lambda batch: (batch.created_at or 0, batch.id))


def look_until(client: OpenAI, identity: Mapping[str, str], since: float, settle_seconds: float) -> list[Batch]:
    """The batches of this identity, looked for until `settle_seconds` after `since` (Unix seconds).

    Raises:
        APIError: the list could not be read to the end of that time, so that its silence proves nothing.
    """
    pause = FIRST_PAUSE_SECONDS
    while True:
        left = since + settle_seconds - clock.now()
        try:
            found = bearing(listed_since(client, since - CLOCK_SLACK_SECONDS), identity)
        except OpenAIError as error:
            if left <= 0 or not may_pass(error):
                raise
            found = []
        if found or left <= 0:
            return found
        time.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


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
