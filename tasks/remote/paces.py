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
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Lock

from httpx import HTTPStatusError, Response
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

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

_asking = Lock()


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
    paces = (UPLOADS, CREATIONS)
    names = [pace.name(account) for pace in paces]
    try:
        _wait_for_turn(names)
    except Exception:  # there are no such limits, at the first time
        try:
            for pace, name in zip(paces, names, strict=True):
                _make(name, pace)
            _wait_for_turn(names)
        except Exception as error:
            log.warning("Prefect keeps no pace of uploads and creations (%s)", type(error).__name__)


def _wait_for_turn(names: list[str]) -> None:
    """Ask Prefect until it gives a turn; one thread at a time, since each refusal costs slots that had come back.

    `rate_limit` does the same, but rests for seconds where Prefect's database is busy, and writes two events.

    Raises:
        LookupError: there are no such limits.
        HTTPStatusError: Prefect cannot give one.
    """
    with (
        _asking,
        get_client(sync_client=True, httpx_settings={"event_hooks": {"response": [ask_again_soon]}}) as client,
    ):
        while True:
            try:
                taken = client.increment_concurrency_slots(names, 1, "rate_limit").json()
            except HTTPStatusError as error:
                if error.response.status_code != NO_SLOT:
                    raise
                pause(float(error.response.headers["retry-after"]))
            else:
                break
    if len(taken) < len(names):
        raise LookupError(f"Prefect has no limits {', '.join(names)}")


def ask_again_soon(response: Response) -> None:
    """Let Prefect's client ask again soon where the database was busy.

    SQLite is for a moment whenever Prefect writes down what tasks do, and the client would rest for two seconds.
    """
    if response.status_code == BUSY:
        response.headers.setdefault("Retry-After", str(BUSY_SECONDS))


@contextmanager
def one_at_a_time(account: Account) -> Iterator[bool]:
    """Hold the one slot in which an account's room is looked at and taken.

    Gives:
        False where others have held it so long that it is better to look again later.
    """
    name = ROOM.name(account)
    with ExitStack() as held:
        got = True
        try:
            _make(name, ROOM)
            held.enter_context(concurrency(name, timeout_seconds=SLOT_SECONDS, lease_duration=SLOT_SECONDS))
        except TimeoutError:
            got = False
        except Exception as error:
            log.warning("Prefect keeps no order in looking for room (%s)", type(error).__name__)
        yield got


def _make(name: str, pace: Pace) -> None:
    """Make a limit where there is none."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            limit = GlobalConcurrencyLimitCreate(name=name, limit=pace.slots, slot_decay_per_second=pace.decay)
            with suppress(ObjectAlreadyExists):  # somebody else was faster
                client.create_global_concurrency_limit(limit)
