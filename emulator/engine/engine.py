"""The engine: lets happen what is due, batch by batch, in the order of the clock.

Each open batch knows when its next event is due. The engine takes the earliest, does its work, and looks again;
so the events of many batches happen in the order of the clock, however far it leaps.
"""

import logging
import threading
from collections.abc import Callable

from ..answers.exchange import Answer, Asked
from ..clock import Clock
from ..faults.script import Faults
from ..settings import ServerSettings
from .lifecycle import Lifecycle
from .records import BatchRecord
from .store import Store
from .worker import Workshop

log = logging.getLogger(__name__)


class Engine:
    """Moves every open batch along, in a thread of its own or whenever the clock is moved by hand."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: ServerSettings,
        workshop: Workshop,
        faults: Faults,
        ended: Callable[[BatchRecord], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._workshop = workshop
        self._lifecycle = Lifecycle(store, clock, settings, workshop, faults, ended)
        self._settling = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="batch-engine", daemon=True)

    def start(self) -> None:
        """Begin to move batches along."""
        self._thread.start()

    def answer(self, endpoint: str, asked: list[Asked]) -> list[Answer]:
        """Answer some requests at once, outside any batch."""
        return self._workshop.answer(endpoint, asked)

    def stop(self) -> None:
        """Stop after the event at hand; one that waits for another server has not happened."""
        self._stopped = True
        self._wake.set()
        self._workshop.interrupt()
        self._thread.join()
        self._workshop.stop()

    def notify(self) -> None:
        """Say that a batch was created or changed."""
        self._wake.set()

    def cancel(self, batch: BatchRecord) -> None:
        """Begin to cancel a batch.

        Raises:
            ApiError: 409, it has ended otherwise.
        """
        self._lifecycle.cancel(batch)
        self.notify()

    def leap(self, seconds: float) -> float:
        """Move the clock on, and let everything happen that is due by then, each event at its time.

        Raises:
            ValueError: the clock cannot move so.
        """
        with self._settling:
            now = self._clock.advance(seconds)
            self._lifecycle.leaping = True
            try:
                self._settle()
            finally:
                self._lifecycle.leaping = False
        self.notify()
        return now

    def _settle(self) -> None:
        while not self._stopped and (batch := self._next()) is not None:
            if batch.due is None or batch.due > self._clock.now():
                return
            self._lifecycle.happen(batch, batch.due)

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            try:
                if not self._clock.by_hand:
                    with self._settling:
                        self._settle()
            except Exception:
                if not self._stopped:
                    log.exception("a batch could not be moved along; it is tried again")
                self._wake.wait(1)
            batch = None if self._clock.by_hand else self._next()
            due = None if batch is None or batch.due is None else self._clock.true_seconds_until(batch.due)
            self._wake.wait(due if due is None else min(due, 60))

    def _next(self) -> BatchRecord | None:
        with self._store.lock:
            waiting = [batch for batch in self._store.batches.values() if batch.due is not None]
        return min(waiting, key=lambda batch: (batch.due, batch.number), default=None)
