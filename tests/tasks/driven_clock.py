"""Starts that run side by side on a clock that moves on only while all of them sleep."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from prefect_openai_batch.batch import clock
from prefect_openai_batch.emulator import BatchServer

Start = Callable[[], None]


class DrivenClock:
    """A server's clock that stands still until everybody who runs here sleeps; then it moves to who wakes first.

    What lies between two pauses takes no time on it: calls to the server are made at the same moment.
    """

    def __init__(self, server: BatchServer) -> None:
        self._server = server
        self._now = server.clock.now()
        self._changed = threading.Condition()
        self._running: set[int] = set()
        self._wakes: dict[int, float] = {}
        self._true_sleep, self._true_monotonic = time.sleep, time.monotonic

    def run(self, starts: list[Start]) -> None:
        """Run these side by side to their ends.

        Raises:
            Exception: what one of them raised.
        """
        together = threading.Barrier(len(starts))
        with self._in_place(), ThreadPoolExecutor(len(starts)) as pool:
            for ended in [pool.submit(self._run, start, together) for start in starts]:
                ended.result()

    def _run(self, start: Start, together: threading.Barrier) -> None:
        me = threading.get_ident()
        self._running.add(me)
        together.wait()
        try:
            start()
        finally:
            with self._changed:
                self._running.remove(me)
                self._move_on()

    def sleep(self, seconds: float) -> None:
        """Sleep on this clock; who does not run here sleeps truly."""
        me = threading.get_ident()
        if me not in self._running:
            self._true_sleep(seconds)
            return
        with self._changed:
            self._wakes[me] = self._now + seconds
            self._move_on()
            self._changed.wait_for(lambda: me not in self._wakes)

    def _move_on(self) -> None:
        if not self._wakes or len(self._wakes) < len(self._running):
            return
        first = min(self._wakes.values())
        self._now = self._server.advance(first - self._now)
        self._wakes = {who: wakes for who, wakes in self._wakes.items() if wakes > first}
        self._changed.notify_all()

    def monotonic(self) -> float:
        """What this clock shows to who runs here."""
        runs = threading.get_ident() in self._running
        return self._now if runs else self._true_monotonic()

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """Let our clock, the system's and every pause be this one."""
        true_now, clock.now = clock.now, lambda: self._now
        vars(time).update(sleep=self.sleep, monotonic=self.monotonic)
        try:
            yield
        finally:
            clock.now = true_now
            vars(time).update(sleep=self._true_sleep, monotonic=self._true_monotonic)
