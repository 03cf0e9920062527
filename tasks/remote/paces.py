"""How fast all runs of an OpenAI project together create and upload, and that one at a time looks and submits.

kind       Prefect's global concurrency limit             so at most
creations  100 slots, of which 0.5 come back a second     1,900 in any hour; OpenAI takes 2,000
uploads    100 slots, of which 14 come back a second      940 in any minute; OpenAI takes 1,000
room       1 slot, held while one looks and submits       one at a time

A batch takes a turn of both before its upload. A limit that is missing is made; one that is there stays as it is,
so whoever shares the account with other programs sets it lower. It is named by who we are to OpenAI
(`Account.digest`), and so is shared by all runs that use one Prefect server and one project, or credentials block.

None of it is a reason to fail: where Prefect has no such limit, or does not answer, we go on without. OpenAI then
says 429, and the call is tried again; or that there is no room, and the file waits.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import inf
from threading import Lock
from uuid import UUID

from httpx import HTTPStatusError, Response
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.exceptions import ObjectAlreadyExists

from .account import Account
from .tries import pause

log = logging.getLogger(__name__)

SLOT_SECONDS = 60.0
"""So long a slot is asked for; and so long Prefect keeps one that a killed process held."""

NO_SLOT = 423
"""Prefect's status of a limit whose slots are all taken; Retry-After says when one may be free."""

BUSY = 503
"""Prefect's status where its database is busy."""

BUSY_SECONDS = 0.1
"""So soon Prefect is then asked again, as often as its client tries at all."""

_turns, _slots = Lock(), Lock()
"""One thread at a time asks: refusals cost a limit the slots that had come back, and one makes what is missing."""


@dataclass(frozen=True)
class Pace:
    """A global concurrency limit of Prefect's: its slots, and how many come back a second."""

    kind: str
    slots: int
    decay: float = 0.0

    def name(self, account: Account) -> str:
        """The limit's name for an account."""
        return f"openai-batch-{self.kind}-{account.digest}"


CREATIONS = Pace("creations", 100, 0.5)
UPLOADS = Pace("uploads", 100, 14.0)
ROOM = Pace("room", 1)


def take_turn(account: Account) -> None:
    """Wait until one more batch may be uploaded and created; one call to Prefect, where there is no waiting.

    Raises:
        KeyboardInterrupt: what it is for was ended meanwhile.
    """
    paces = {pace.name(account): pace for pace in (UPLOADS, CREATIONS)}
    try:
        with _turns, _client() as client:
            taken = _answer(lambda: client.increment_concurrency_slots([*paces], 1, "rate_limit")).json()
            missing = paces.keys() - {limit["name"] for limit in taken}
            if missing:
                _make(client, [paces[name] for name in missing], account)
                _answer(lambda: client.increment_concurrency_slots([*missing], 1, "rate_limit"))
    except Exception as error:
        log.warning("Prefect keeps no pace of uploads and creations (%s)", type(error).__name__)


@contextmanager
def one_at_a_time(account: Account) -> Iterator[bool]:
    """Hold the one slot in which an account's room is looked at and taken.

    Gives:
        False where others have held it so long that it is better to look again later.
    """
    lease: UUID | None = None
    got = True
    try:
        lease = _lease(account)
        got = lease is not None
    except Exception as error:
        log.warning("Prefect keeps no order in looking for room (%s)", type(error).__name__)
    try:
        yield got
    finally:
        if lease is not None:
            _give_back(lease)


def _lease(account: Account) -> UUID | None:
    """The lease of the one slot; None where others have held it for `SLOT_SECONDS`."""
    names = [ROOM.name(account)]
    with _slots, _client() as client:

        def ask() -> Response:
            return client.increment_concurrency_slots_with_lease(names, 1, "concurrency", SLOT_SECONDS)

        try:
            told = _answer(ask, SLOT_SECONDS).json()
            if not told["limits"]:
                _make(client, [ROOM], account)
                told = _answer(ask, SLOT_SECONDS).json()
        except TimeoutError:
            return None
    return UUID(told["lease_id"])


def _give_back(lease: UUID) -> None:
    """Give the slot back; where that fails it is free when its lease is over."""
    try:
        with _client() as client:
            client.release_concurrency_slots_with_lease(lease)
    except Exception as error:
        log.warning("Prefect keeps the slot of looking for room for a while (%s)", type(error).__name__)


def _client() -> SyncPrefectClient:
    return get_client(sync_client=True, httpx_settings={"event_hooks": {"response": [ask_again_soon]}})


def ask_again_soon(response: Response) -> None:
    """Let Prefect's client ask again soon where the database was busy.

    SQLite is for a moment whenever Prefect writes down what tasks do, and the client would rest for two seconds.
    """
    if response.status_code == BUSY:
        response.headers.setdefault("Retry-After", str(BUSY_SECONDS))


def _answer(ask: Callable[[], Response], seconds: float = inf) -> Response:
    """What Prefect answers as soon as it has slots; `rate_limit` and `concurrency` rest longer, and write events.

    Raises:
        TimeoutError: it had none for so many seconds.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except HTTPStatusError as error:
            if error.response.status_code != NO_SLOT:
                raise
            if time.monotonic() >= end:
                raise TimeoutError from None
            pause(float(error.response.headers["Retry-After"]))


def _make(client: SyncPrefectClient, paces: Iterable[Pace], account: Account) -> None:
    """Make the limits that are missing."""
    for pace in paces:
        limit = GlobalConcurrencyLimitCreate(
            name=pace.name(account), limit=pace.slots, slot_decay_per_second=pace.decay
        )
        with suppress(ObjectAlreadyExists):
            client.create_global_concurrency_limit(limit)
