"""The server's clock, moved by hand as the process under test looks: each run looks equally often."""

import time
from typing import Any

from prefect_openai_batch.emulator import BatchServer, Timing

TIMING = Timing.real()
"""Validation takes longer than the list lags, as with OpenAI."""

LOOK_SECONDS = 50_000.0
"""How far a fruitless look moves the clock: two of them make a day."""

LIST_SECONDS = 0.5
"""How far a listing moves it: the next one shows a new batch."""

RESTART_SECONDS = 1.0
"""How long a start takes: longer than the list lags."""

SILENCE_SECONDS = 0.1
"""After such a silence a round of looks is over; the next one comes later."""

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


class Pace:
    """Moves a server's clock. Call `keep` every few milliseconds.

    A round of looks that finds none of its batches ended moves the clock; one that finds some does not, for the
    process goes on by itself.
    """

    def __init__(self, server: BatchServer) -> None:
        self._server = server
        self._answered: set[int] = set()
        self._last_look: float | None = None
        self._found_ended = False

    def keep(self) -> None:
        """Move the clock for what has been answered since the last call."""
        for number, request in enumerate(requests_of(self._server)):
            if request["status"] is not None and number not in self._answered:
                self._answered.add(number)
                self._note(request["method"], request["path"])
        if self._last_look is not None and time.monotonic() - self._last_look > SILENCE_SECONDS:
            if not self._found_ended:
                self._server.advance(LOOK_SECONDS)
            self._last_look, self._found_ended = None, False

    def restart(self) -> None:
        """Let the time of a start pass."""
        self._server.advance(RESTART_SECONDS)

    def end(self) -> None:
        """Let everything happen that is still to come."""
        self._server.advance(3 * LOOK_SECONDS)

    def _note(self, method: str, path: str) -> None:
        if (method, path) == ("GET", "/v1/batches"):
            self._server.advance(LIST_SECONDS)
        elif method == "GET" and path.startswith("/v1/batches/"):
            self._last_look = time.monotonic()
            self._found_ended |= self._has_ended(path.rpartition("/")[2])

    def _has_ended(self, batch_id: str) -> bool:
        batches = self._server.state()["batches"]
        return any(batch["id"] == batch_id and batch["status"] in ENDED for batch in batches)


def requests_of(server: BatchServer) -> list[dict[str, Any]]:
    """The server's log, read again where it has grown meanwhile."""
    while True:
        try:
            return server.requests()
        except RuntimeError:
            continue
