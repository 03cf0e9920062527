"""How fast all runs of an OpenAI project together create and upload, and that one at a time looks and submits.

kind       Prefect's global concurrency limit             so at most
creations  100 slots, of which 0.5 come back a second     1,900 in any hour; OpenAI takes 2,000
uploads    100 slots, of which 14 come back a second      940 in any minute; OpenAI takes 1,000
room       1 slot, held while one looks and submits       one at a time

A batch takes a turn of both before its upload. A limit that is missing is made; one that is there stays as it is,
so whoever shares the account with other programs sets it lower, and whoever sets it to 0 lets nothing go until it
is lifted; only one of which no slot comes back is mended. It is named by who we are to OpenAI (`Account.digest`),
and so is shared by all runs that use one Prefect server and one project, or credentials block.

A limit is looked at before it is asked for a slot: each refusal costs it what had come back since the last, and
many runs that ask at once would keep it from ever filling. The slot of the room comes back by itself, too: leases
are kept by one process of Prefect's server and end with it, and what they hold stays taken.

None of it is a reason to fail: where Prefect has no such limit, or does not answer, we go on without. OpenAI then
says 429, and the call is tried again; or that there is no room, and the file waits.
"""

import logging
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from math import inf
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from threading import Lock
from typing import Any

from httpx import HTTPStatusError, Response
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL

from ...batch.progress import noted_wait
from .account import Account
from .tries import pause

log = logging.getLogger(__name__)

SLOT_SECONDS = 60.0
"""So long the slot of the room is waited for; and so soon it is free again that a killed process held."""

PAUSED_SECONDS = 10.0
"""So long a limit of 0 is looked at, before whoever asks sees to what else there is, such as the job's end."""

NO_SLOT = 423
"""Prefect's status of a limit whose slots are all taken."""

SHORTEST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 2.0
"""Between two looks at a limit without a slot, on average, whether a slot comes back sooner or later."""

BUSY = 503
"""Prefect's status where its database is busy."""

BUSY_SECONDS = 0.1
"""So soon Prefect is then asked again, as often as its client tries at all."""

PAUSED = "Prefect's global concurrency limit {0} of 0 (`prefect gcl update {0} --limit {1}` lifts it)"
"""How a limit that lets nothing pass is called."""

_turns, _slots = Lock(), Lock()
"""One thread of a process at a time looks and asks."""


@dataclass(frozen=True)
class Pace:
    """A global concurrency limit of Prefect's: its slots, and how many come back a second."""

    kind: str
    slots: int
    decay: float

    def name(self, account: Account) -> str:
        """The limit's name for an account."""
        return f"openai-batch-{self.kind}-{account.digest}"


CREATIONS = Pace("creations", 100, 0.5)
UPLOADS = Pace("uploads", 100, 14.0)
ROOM = Pace("room", 1, 1 / SLOT_SECONDS)


def take_turn(account: Account) -> bool:
    """Wait until one more batch may be uploaded and created.

    Returns:
        False where somebody has set a limit to 0, and it is better to ask again later.

    Raises:
        KeyboardInterrupt: what it is for was ended meanwhile.
    """
    paces = (UPLOADS, CREATIONS)
    try:
        with noted_wait("Prefect, for a turn"), _turns, _client() as client:
            return _take(client, paces, account)
    except Exception as error:
        names = " and ".join(pace.name(account) for pace in paces)
        log.warning("Prefect keeps no pace of uploads and creations (%s), by %s", type(error).__name__, names)
        return True


@contextmanager
def one_at_a_time(account: Account) -> Iterator[bool]:
    """Hold the one slot in which an account's room is looked at and taken.

    Gives:
        False where others have held it so long that it is better to look again later.
    """
    taken, got = False, True
    try:
        with _slots, _client() as client:
            taken = got = _take(client, (ROOM,), account, SLOT_SECONDS)
    except Exception as error:
        log.warning(
            "Prefect keeps no order in looking for room (%s), by %s", type(error).__name__, ROOM.name(account)
        )
    begun = time.monotonic()
    try:
        yield got
    finally:
        held = time.monotonic() - begun
        if taken and held < SLOT_SECONDS:  # else it may be somebody else's by now
            _give_back(account, held)


def _take(client: SyncPrefectClient, paces: tuple[Pace, ...], account: Account, seconds: float = inf) -> bool:
    """Take a slot of each limit as soon as all have one; False where they had none for so many seconds.

    Of a limit of 0 that is known sooner.
    """
    names = [pace.name(account) for pace in paces]
    begun, seen = time.monotonic(), dict[str, tuple[datetime | None, float]]()
    while True:
        limits = [_limit(client, pace, account) for pace in paces]
        have_one = [_has_slot(limit, seen) for limit in limits]
        if all(have_one) and _took(client, names):
            return True
        paused = [(limit.name, pace.slots) for limit, pace in zip(limits, paces, strict=True) if _is_paused(limit)]
        if time.monotonic() - begun >= (min(seconds, PAUSED_SECONDS) if paused else seconds):
            for name, slots in paused:
                log.warning("Nothing is sent for %s", PAUSED.format(name, slots))
            return False
        full = [limit.name for limit, has_one in zip(limits, have_one, strict=True) if not has_one]
        asked = PAUSED.format(*paused[0]) if paused else f"Prefect, for a turn ({', '.join(full or names)})"
        usual = max(map(_pause_at, limits))
        pause(usual * random.uniform(0.5, 1.5), asked=asked)  # noqa: S311  # no secret


def _is_paused(limit: GlobalConcurrencyLimitResponse) -> bool:
    """Whether somebody lets nothing pass; a limit that is not active is off, and lets everything pass."""
    return limit.active and not limit.limit


def _pause_at(limit: GlobalConcurrencyLimitResponse) -> float:
    """The seconds between two looks at a limit, on average: about as long as a slot takes to come back.

    However long one has waited: pauses that grow give the next turn to who has just had one.
    """
    decay = limit.slot_decay_per_second
    return min(max(1 / decay, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS) if decay else LONGEST_PAUSE_SECONDS


def _has_slot(limit: GlobalConcurrencyLimitResponse, seen: dict[str, tuple[datetime | None, float]]) -> bool:
    """Whether a limit has a slot: by its count, or because nobody has moved it while one came back.

    The second is for older servers of Prefect (3.6), which count none that came back. `seen` is when it was first
    looked at as it stands.
    """
    now = time.monotonic()
    if limit.name not in seen or seen[limit.name][0] != limit.updated:
        seen[limit.name] = (limit.updated, now)
    still = now - seen[limit.name][1]
    if not limit.active or _is_paused(limit):
        return not limit.active
    return limit.active_slots < limit.limit or still * limit.slot_decay_per_second >= 1


def _took(client: SyncPrefectClient, names: list[str]) -> bool:
    """Whether each of these limits gave a slot; somebody may have been faster. None is given by some alone."""
    try:
        client.increment_concurrency_slots(names, 1, "rate_limit")
    except HTTPStatusError as error:
        if error.response.status_code != NO_SLOT:
            raise
        return False
    return True


def _limit(client: SyncPrefectClient, pace: Pace, account: Account) -> GlobalConcurrencyLimitResponse:
    """A limit as it stands; one that is missing is made."""
    name = pace.name(account)
    try:
        limit = client.read_global_concurrency_limit_by_name(name)
    except ObjectNotFound:
        wanted = GlobalConcurrencyLimitCreate(name=name, limit=pace.slots, slot_decay_per_second=pace.decay)
        with suppress(ObjectAlreadyExists):
            client.create_global_concurrency_limit(wanted)
        return client.read_global_concurrency_limit_by_name(name)
    if limit.active and not limit.slot_decay_per_second:
        # as earlier versions made the room's, and Prefect's command line makes any: a slot would be lost for good
        log.warning("No slot of %s came back: now one does in %g s", name, 1 / pace.decay)
        client.update_global_concurrency_limit(
            name, GlobalConcurrencyLimitUpdate(slot_decay_per_second=pace.decay, active_slots=0)
        )
        return client.read_global_concurrency_limit_by_name(name)
    return limit


def _give_back(account: Account, held: float) -> None:
    """Give the room's slot back; where that fails it comes back by itself."""
    try:
        with _client() as client:
            client.release_concurrency_slots([ROOM.name(account)], 1, held)
    except Exception as error:
        log.warning("Prefect keeps the slot of looking for room for a while (%s)", type(error).__name__)


def _client() -> SyncPrefectClient:
    """A client of Prefect's. Each loads all certificates anew, which over plain HTTP nobody needs."""
    settings: dict[str, Any] = {"event_hooks": {"response": [ask_again_soon]}}
    if not (PREFECT_API_URL.value() or "").startswith("https:"):
        settings["verify"] = SSLContext(PROTOCOL_TLS_CLIENT)
    return get_client(sync_client=True, httpx_settings=settings)


def ask_again_soon(response: Response) -> None:
    """Let Prefect's client ask again soon where the database was busy.

    SQLite is for a moment whenever Prefect writes down what tasks do, and the client would rest for two seconds.
    """
    if response.status_code == BUSY:
        response.headers.setdefault("Retry-After", str(BUSY_SECONDS))
