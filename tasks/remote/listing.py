"""Find in OpenAI's list what was created there.

The list may lag: one empty look right after a creation proves nothing.
"""

from collections.abc import Mapping

from openai import NotFoundError

from ...batch import clock
from ...batch.files.batches import WINDOW_SECONDS, Batch
from ...batch.files.identity import job_key_of, with_identity
from ...batch.flight.enqueued import Enqueued
from ...batch.limits import KEPT_SECONDS
from .connection import Connection
from .tries import pause

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
"""Between two looks for a batch in the list; they come less often the longer it takes."""

CLOCK_SLACK_SECONDS = 600
"""How far our clock and OpenAI's may be apart."""


def created_since(connection: Connection, identity: Mapping[str, str], since: float) -> list[Batch]:
    """The batches of this identity, created at `since` (Unix seconds) or later, the one that stays first."""
    return with_identity(connection.batches_since(since - CLOCK_SLACK_SECONDS), identity)


def find_created(
    connection: Connection, identity: Mapping[str, str], since: float, settle_seconds: float
) -> list[Batch]:
    """The batches of this identity, looked for until `settle_seconds` after `since` (Unix seconds).

    Raises:
        APIError: the list cannot be read, so that its silence proves nothing.
    """
    seconds = FIRST_PAUSE_SECONDS
    while True:
        left = since + settle_seconds - clock.now()  # before the look: there is one at the end of it
        found = created_since(connection, identity, since)
        if found or left <= 0:
            return found
        pause(min(seconds, left))
        seconds = min(2 * seconds, LONGEST_PAUSE_SECONDS)


def enqueued(connection: Connection) -> Enqueued:
    """The tokens in open batches, by one listing of those that may be open.

    Those whose window is over count no more, also where OpenAI is late to end them. A server that has no listing
    tells of none.
    """
    try:
        return Enqueued.of(connection.batches_since(clock.now() - WINDOW_SECONDS))
    except NotFoundError:
        return Enqueued()


def batches_of_job(connection: Connection, job_key: str) -> list[Batch]:
    """All batches whose metadata bears a job's key, the newest first."""
    found = connection.batches_since(clock.now() - KEPT_SECONDS)
    return [batch for batch in found if job_key_of(batch) == job_key]
