"""How long a run waits out that OpenAI is away."""

from typing import Literal

from ...batch import clock
from ...batch.jobs.options import Wait

Service = Literal["batches", "files", "list"]
"""What of OpenAI may be away alone: what takes batches, gives files, and tells what is enqueued."""


class Patience:
    """What is away, and since when; only who waits in its own process waits it out.

    Args:
        wait: Where the run waits.
        seconds: How long a service may be away.
    """

    def __init__(self, wait: Wait, seconds: float) -> None:
        self._seconds = seconds if wait == "sensor" else 0.0
        self._since: dict[Service, float] = {}

    def note(self, service: Service, *, is_away: bool) -> None:
        """Note whether a service is away."""
        if is_away:
            self._since.setdefault(service, clock.now())
        else:
            self._since.pop(service, None)

    def all_are_there(self) -> None:
        """Note that none is away any more: OpenAI has taken a batch."""
        self._since.clear()

    def is_away(self, service: Service) -> bool:
        """Whether a service was away when it was last asked."""
        return service in self._since

    def lasts(self, service: Service) -> bool:
        """Whether a service may be away now, or go on to be."""
        since = self._since.get(service, clock.now())
        return clock.now() - since < self._seconds
