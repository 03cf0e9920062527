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
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from threading import Lock

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound
from prefect.settings import PREFECT_API_URL

from .account import Account
from .tries import pause

log = logging.getLogger(__name__)

TURN_SECONDS = 60.0
"""So long Prefect is asked for a turn at a time: in between, Ctrl-C ends the wait.

It is long because each refusal makes Prefect forget the slots that had come back since it was last asked.
"""

SLOT_SECONDS = 60.0
"""So long a slot is asked for; and so long Prefect keeps one that a killed process held."""

NO_PACE = "Prefect keeps no pace of uploads and creations"
NO_ORDER = "Prefect keeps no order in looking for room"


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
    names = [pace.name(account) for pace in (UPLOADS, CREATIONS)]
    with _forgiven(NO_PACE), _limits(account, UPLOADS, CREATIONS):
        _wait_for_turn(names)


def _wait_for_turn(names: list[str]) -> None:
    while True:
        try:
            rate_limit(names, timeout_seconds=TURN_SECONDS, strict=True)
        except TimeoutError:
            pause(0)
        else:
            return


@contextmanager
def one_at_a_time(account: Account) -> Iterator[bool]:
    """Hold the one slot in which an account's room is looked at and taken.

    Gives:
        False where others have held it so long that it is better to look again later.
    """
    got, held = True, ExitStack()
    with _forgiven(NO_ORDER), _limits(account, ROOM):
        try:
            held.enter_context(_slot(ROOM.name(account)))
        except TimeoutError:
            got = False
    try:
        yield got
    finally:
        with _forgiven(NO_ORDER):  # a batch may be created by now, and is to be recorded
            held.close()


def _slot(name: str) -> AbstractContextManager[None]:
    return concurrency(
        name,
        timeout_seconds=SLOT_SECONDS,
        lease_duration=SLOT_SECONDS,
        strict=True,
        raise_on_lease_renewal_failure=False,
    )


@contextmanager
def _forgiven(warning: str) -> Iterator[None]:
    """Go on without Prefect where it does not do what the block asks of it."""
    try:
        yield
    except Exception as error:
        log.warning("%s (%s)", warning, type(error).__name__)


_made: set[tuple[str | None, str]] = set()
"""The limits that are known to be there, by Prefect's address and their name."""

_making = Lock()
"""Several submissions begin at once, and one of them makes what is missing."""


@contextmanager
def _limits(account: Account, *paces: Pace) -> Iterator[None]:
    """Make what is missing of these limits before the block, once in a process; anew once the block has failed."""
    limits = {(PREFECT_API_URL.value(), pace.name(account)): pace for pace in paces}
    with _making:
        for limit in limits.keys() - _made:
            _make(limit[1], limits[limit])
            _made.add(limit)
    try:
        yield
    except Exception:
        _made.difference_update(limits)
        raise


def _make(name: str, pace: Pace) -> None:
    """Make a limit where there is none."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            limit = GlobalConcurrencyLimitCreate(name=name, limit=pace.slots, slot_decay_per_second=pace.decay)
            with suppress(ObjectAlreadyExists):  # somebody else was faster
                client.create_global_concurrency_limit(limit)
