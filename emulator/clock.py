"""The server's clock: true, fast, or moved by hand."""

import threading
import time


class Clock:
    """What the server takes for the time, in seconds since 1970.

    Args:
        speed: seconds on this clock for each true second. 1 runs true, 3600 passes an hour in a second, and 0
            stands still until `advance` moves it.
        start: where the clock starts; now by default.

    With a speed of 1 the work that the server does takes its true time. On any other clock work takes no time:
    each event bears the very second it was due, so that a test sees the same timestamps on every run.
    """

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        if speed < 0:
            raise ValueError("a clock's speed is zero or more")
        self.speed = speed
        self._lock = threading.Lock()
        self._shown = time.time() if start is None else start
        self._seen = time.monotonic()

    @property
    def by_hand(self) -> bool:
        """True where only `advance` moves the clock."""
        return self.speed == 0

    @property
    def is_true(self) -> bool:
        """True where the clock runs as the world's does, so that the server's own work takes time on it."""
        return self.speed == 1

    def now(self) -> float:
        """The time on this clock."""
        with self._lock:
            return self._read()

    def advance(self, seconds: float) -> float:
        """Move the clock on; returns the new time.

        Raises:
            ValueError: the seconds are negative; a clock never goes back.
        """
        if not 0 <= seconds < float("inf"):
            raise ValueError("a clock only moves forward")
        with self._lock:
            self._shown = self._read() + seconds
            self._seen = time.monotonic()
            return self._shown

    def catch_up(self, moment: float) -> None:
        """Move the clock to this time, unless it is past it already."""
        self.advance(max(0.0, moment - self.now()))

    def true_seconds_until(self, moment: float) -> float | None:
        """True seconds until the clock shows this time; None where it never will by itself."""
        if self.by_hand:
            return None
        return max(0.0, (moment - self.now()) / self.speed)

    def _read(self) -> float:
        return self._shown + (time.monotonic() - self._seen) * self.speed
