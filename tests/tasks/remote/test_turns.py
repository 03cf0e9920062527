"""Many runs want more turns than there are."""

import random
import time
from math import inf
from threading import Lock
from typing import cast

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import GlobalConcurrencyLimitResponse
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.tasks.remote.account import Account
from prefect_openai_batch.tasks.remote.paces import CREATIONS, NO_SLOT, _take
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from ..driven_clock import DrivenClock

RUNS = 10
SECONDS = 600.0


class SpentLimit:
    """Prefect's limit of creations on a driven clock, all of it taken; it answers as Prefect's client does."""

    def __init__(self, begun: float) -> None:
        self.free, self.seen, self.lock = 0.0, begun, Lock()

    def read_global_concurrency_limit_by_name(self, name: str) -> GlobalConcurrencyLimitResponse:
        with self.lock:
            now = time.monotonic()
            self.free, self.seen = min(self.free + (now - self.seen) * CREATIONS.decay, CREATIONS.slots), now
            taken = CREATIONS.slots - int(self.free)
        return GlobalConcurrencyLimitResponse(
            name=name, limit=CREATIONS.slots, active_slots=taken, slot_decay_per_second=CREATIONS.decay
        )

    def increment_concurrency_slots(self, names: list[str], slots: int, mode: str) -> None:
        del names, mode
        with self.lock:
            if self.free < slots:
                request = httpx.Request("POST", "http://prefect")
                raise httpx.HTTPStatusError("", request=request, response=httpx.Response(NO_SLOT))
            self.free -= slots


def test_turns_go_round(server: BatchServer) -> None:
    """None waits for many times what is its share: who has just had a turn has no better chance of the next."""
    random.seed(1)
    driven = DrivenClock(server)
    begun = server.clock.now()
    client = cast("SyncPrefectClient", SpentLimit(begun))
    waits: list[float] = []

    def run() -> None:
        driven.sleep(random.random())
        while (asked := time.monotonic()) < begun + SECONDS:
            assert _take(client, (CREATIONS,), Account("https://api.example/v1"))
            waits.append(time.monotonic() - asked)
            driven.sleep(0.5)  # an upload and a creation

    with brief_pauses(inf):
        driven.run([run] * RUNS)
    assert max(waits) < 12 * RUNS / CREATIONS.decay
    assert len(waits) > 0.95 * SECONDS * CREATIONS.decay
