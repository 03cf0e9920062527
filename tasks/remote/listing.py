"""Find in OpenAI's list what was created there.

The list may lag: one empty look right after a creation proves nothing.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from openai import NotFoundError

from ...batch import clock
from ...batch.files.batches import WINDOW_SECONDS, Batch
from ...batch.files.identity import job_key_of, with_identity
from ...batch.flight.enqueued import LIVE, Enqueued
from ...batch.jobs.options import SETTLE_SECONDS
from ...batch.limits import KEPT_SECONDS
from .connection import Connection
from .tries import pause

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0
"""Between two looks for a batch in the list; they come less often the longer it takes."""

CLOCK_SLACK_SECONDS = 600
"""How far our clock and OpenAI's may be apart."""

SEEN_SECONDS = 60.0
"""So long after a look at all open batches only the newer ones are looked at, while others wait for their turn."""


def created_since(connection: Connection, identity: Mapping[str, str], since: float) -> list[Batch]:
    """The batches of this identity, created at `since` (Unix seconds) or later, the one that stays first."""
    return with_identity(connection.batches_since(since - CLOCK_SLACK_SECONDS), identity)


def find_created(
    connection: Connection,
    identity: Mapping[str, str],
    since: float,
    settle_seconds: float,
    begun: float | None = None,
) -> list[Batch]:
    """The batches of this identity, looked for until `settle_seconds` after `since` (Unix seconds).

    That is told by another machine's clock, which may be behind ours: of what is older than our knowledge of it,
    it counts from the time at which that has `begun`, by default now.

    Raises:
        APIError: the list cannot be read, so that its silence proves nothing.
    """
    seconds, now = FIRST_PAUSE_SECONDS, clock.now()
    begun = now if begun is None else begun
    is_long_ago = begun - since > settle_seconds + CLOCK_SLACK_SECONDS
    settled_at = (since if is_long_ago else max(begun, min(since, now))) + settle_seconds
    while True:
        left = settled_at - clock.now()  # before the look: there is one at the end of it
        found = created_since(connection, identity, since)
        if found or left <= 0:
            return found
        pause(min(seconds, left))
        seconds = min(2 * seconds, LONGEST_PAUSE_SECONDS)


class _Seen(NamedTuple):
    """The open batches that a listing has shown; when it was made, and when the newest batch in it was created."""

    at: float
    newest: float
    live: dict[str, Batch]


_seen: dict[str, _Seen] = {}
"""What this process has seen last of each account."""


def enqueued(connection: Connection) -> Enqueued:
    """The tokens in open batches, by one listing of those that may be open.

    Those whose window is over count no more, also where OpenAI is late to end them. A server that has no listing
    tells of none.
    """
    seen = _Seen(clock.now(), 0.0, {})
    newest = _look(connection, seen.at - WINDOW_SECONDS - CLOCK_SLACK_SECONDS, seen.live)
    _seen[connection.account.digest] = seen._replace(newest=newest)
    return Enqueued.of(list(seen.live.values()))


def enqueued_by_now(connection: Connection) -> Enqueued:
    """The same, soon after such a look, by a listing of what is newer: a day's batches may be hundreds of pages.

    What has ended since that look still counts. What this process has created counts also where the list lags.
    """
    seen = _seen.get(connection.account.digest)
    if seen is None or not seen.newest or clock.now() - seen.at > SEEN_SECONDS:
        return enqueued(connection)
    _look(connection, seen.newest - SETTLE_SECONDS, seen.live)
    return Enqueued.of(list(seen.live.values()))


def note_created(connection: Connection, batch: Batch) -> None:
    """Let a batch count that this process has created just now; say where our clock is ahead of OpenAI's."""
    ahead = clock.now() - (batch.created_at or clock.now())
    if ahead > CLOCK_SLACK_SECONDS:
        log.warning(
            "This machine's clock is %.0f minutes ahead of OpenAI's. Set it: days ahead, batches that are at work "
            "are taken for late, and cancelled.",
            ahead / 60,
        )
    if (seen := _seen.get(connection.account.digest)) is not None:
        seen.live[batch.id] = batch


def _look(connection: Connection, since: float, live: dict[str, Batch]) -> float:
    """Bring the open batches up to date by a listing back to a time; when the newest in it was created, or 0."""
    newest = 0.0
    with suppress(NotFoundError):
        for batch in connection.batches_since(since):
            newest = max(newest, batch.created_at or 0.0)
            if batch.status in LIVE:
                live[batch.id] = batch
            else:
                live.pop(batch.id, None)
    return newest


def batches_of_job(connection: Connection, job_key: str, since: float | None = None) -> list[Batch]:
    """All batches whose metadata bears a job's key, the newest first; where it is given, created since then."""
    found = connection.batches_since(clock.now() - KEPT_SECONDS if since is None else since - CLOCK_SLACK_SECONDS)
    return [batch for batch in found if job_key_of(batch) == job_key]
