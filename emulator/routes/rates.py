"""How many calls of a kind there may be in a stretch of the server's time."""

import math
import threading
from collections import deque

from ..clock import Clock
from ..errors import ApiError
from ..settings import Limits


class Rates:
    """How many calls of a kind there may be in a stretch of the server's time."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._calls: dict[str, deque[float]] = {}
        self._rates: dict[str, tuple[int | None, float, str]] = {
            "requests": (limits.requests_a_minute, 60, "requests per min (RPM)"),
            "uploads": (limits.uploads_a_minute, 60, "file uploads per min"),
            "batches": (limits.batches_an_hour, 3600, "batches per hour"),
        }

    def count(self, kind: str) -> None:
        """Count one call.

        Raises:
            ApiError: 429, with Retry-After: there were too many.
        """
        most, seconds, name = self._rates[kind]
        if most is None:
            return
        with self._lock:
            now, calls = self._clock.now(), self._calls.setdefault(kind, deque())
            while calls and calls[0] <= now - seconds:
                calls.popleft()
            if len(calls) >= most:
                wait = math.ceil(calls[0] + seconds - now) if calls else math.ceil(seconds)
                raise _too_many(name, most, wait)
            calls.append(now)


def _too_many(name: str, most: int, wait: int) -> ApiError:
    message = (
        f"Rate limit reached for organization org-emulator on {name}: Limit {most}. Please try again in {wait}s."
    )
    headers = {"retry-after": str(wait)}
    return ApiError(429, message, kind="requests", code="rate_limit_exceeded", headers=headers)
