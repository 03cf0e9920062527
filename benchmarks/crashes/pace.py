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

SILENCE_SECONDS = 0.2
"""Who is silent for so long after a look has found nothing: a sensor's next one comes after 0.3 seconds."""

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


class Pace:
    """Moves a server's clock. Call `keep` every few milliseconds.

    A look that finds none of its batches ended moves the clock; one that finds some does not, for the process goes
    on by itself.
    """

    def __init__(self, server: BatchServer) -> None:
        self._server = server
        self._answered: set[int] = set()
        self._fetched: set[str] = set()
        self._last_look: float | None = None

    def keep(self) -> None:
        """Move the clock for what has been answered since the last call."""
        for number, request in enumerate(requests_of(self._server)):
            if request["status"] is not None and number not in self._answered:
                self._answered.add(number)
                self._note(request["method"], request["path"])
        if self._last_look is not None and time.monotonic() - self._last_look > SILENCE_SECONDS:
            if not self._is_to_fetch():
                self._server.advance(LOOK_SECONDS)
            self._last_look = None

    def restart(self) -> None:
        """Let the time of a start pass."""
        self._server.advance(RESTART_SECONDS)

    def end(self) -> None:
        """Let everything happen that is still to come."""
        self._server.advance(3 * LOOK_SECONDS)

    def _note(self, method: str, path: str) -> None:
        self._last_look = None
        if (method, path) == ("GET", "/v1/batches"):
            self._server.advance(LIST_SECONDS)
        if method == "GET" and path.startswith("/v1/batches"):
            self._last_look = time.monotonic()
        elif method == "GET" and path.endswith("/content"):
            self._fetched.add(path.split("/")[-2])

    def _is_to_fetch(self) -> bool:
        """Whether a batch has ended whose files nobody has asked for."""
        ended = [batch for batch in self._server.state()["batches"] if batch["status"] in ENDED]
        files = {batch[name] for batch in ended for name in ("output_file_id", "error_file_id")}
        return bool(files - self._fetched - {None})


def requests_of(server: BatchServer) -> list[dict[str, Any]]:
    """The server's log, read again where it has grown meanwhile."""
    while True:
        try:
            return server.requests()
        except RuntimeError:
            continue
