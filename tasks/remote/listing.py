"""Find in OpenAI's list what was created there.

The list may lag: one empty look right after a creation proves nothing.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

from openai import OpenAI, OpenAIError

from ...batch import clock
from ...batch.files.batches import Batch, BatchStatus, read_batch
from ...batch.limits import KEPT_SECONDS
from .retrying import may_pass

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
"""Between two looks for a batch in the list; they come less often the longer it takes."""


CLOCK_SLACK_SECONDS = 600
"""How far our clock and OpenAI's may be apart."""


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


def batches_of_job(client: OpenAI, job_key: str) -> list[Batch]:
    """All batches whose metadata bears a job's key, the newest first."""
    listed = listed_since(client, clock.now() - KEPT_SECONDS)
    return [batch for batch in listed if batch.metadata.get("job_key") == job_key]
