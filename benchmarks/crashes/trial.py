"""A trial: the job is started, killed at a point, started again, and looked into."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import rmtree
from typing import Literal

from prefect_openai_batch.emulator import BatchServer, RouteFault

from .job import FAULTS, parameters, table
from .life import Life, Start
from .pace import TIMING, Pace, requests_of
from .points import Point, find_points
from .verdict import Verdict, judge

Restart = Literal["a", "b"]
"""With the same job folder in a new flow run; or by its key alone, on a machine that knows nothing of it."""

LONGEST_LIFE_SECONDS = 60.0
TICK_SECONDS = 0.005
TRIES = 3
"""How often a trial is begun whose first start passes the point by."""

HELD_SECONDS = 0.2
"""A request without an answer for so long is held by the fault that stops it."""


@dataclass(frozen=True)
class Result:
    """What became of one point with one way to start again.

    Attributes:
        point: Where the first start was killed.
        restart: How it was started again.
        starts: How many starts there were; 1 where the point was not reached.
        seconds: What the trial took.
        verdict: What it came to.
        log: What the last start has said.
    """

    point: Point
    restart: Restart
    starts: int
    seconds: float
    verdict: Verdict
    log: str = ""

    @property
    def tried(self) -> bool:
        """Whether the process was killed at the point."""
        return self.starts > 1


class Site:
    """The surroundings of one trial: its folders, and its Batch API server."""

    def __init__(self, folder: Path, server: BatchServer) -> None:
        self.folder = folder
        self.server = server
        self.pace = Pace(server)
        self.destination = folder / "results" / "answers.parquet"
        self.source = folder / "rows.csv"
        table().to_csv(self.source, index=False)
        self._numbers = count(1)

    def start(self, *, elsewhere: bool = False, kill_at: Point | None = None) -> Start:
        """A start of the job, on this machine or on one that knows nothing of it."""
        machine = self.folder / ("elsewhere" if elsewhere else "here")
        home, storage = machine / "home", machine / "storage"
        home.mkdir(parents=True, exist_ok=True)
        environment = {
            "PREFECT_HOME": str(home),
            "OPENAI_BASE_URL": self.server.base_url,
            "OPENAI_API_KEY": "any",
        }
        return Start(
            self.folder / f"start-{next(self._numbers)}",
            environment,
            parameters(self.source, storage, self.destination),
            {"home": home, "storage": storage, "results": self.destination.parent},
            kill_at,
        )

    def run(self, start: Start) -> bool:
        """Live until the end, the point, or the time is up; whether it was killed at its point."""
        life = Life(start)
        end = time.monotonic() + LONGEST_LIFE_SECONDS
        while life.goes_on(TICK_SECONDS):
            self.pace.keep()
            held = start.kill_at is not None and self._is_held(start.kill_at)
            if held or time.monotonic() > end:
                life.kill()
                return held
        return start.kill_at is not None and not start.kill_at.is_request and self._has_begun(start)

    def _is_held(self, point: Point) -> bool:
        """Whether the server holds the request of this point."""
        if not point.is_request:
            return False
        requests = [request for request in requests_of(self.server) if point.befalls(request)]
        if len(requests) < point.call:
            return False
        request = requests[point.call - 1]
        waited = request["status"] is None and time.time() - request["received_at"] > HELD_SECONDS
        return bool(request.get("hanging", waited))

    def _has_begun(self, start: Start) -> bool:
        assert start.kill_at is not None
        return any((start.kill_at.what, start.kill_at.call) == (one["what"], one["call"]) for one in start.changes)


@contextmanager
def make_site(folder: Path, held: Point | None = None, *, keep: bool = False) -> Iterator[Site]:
    """A site in a new folder, whose server holds the request of this point; it goes unless it is kept."""
    folder.mkdir(parents=True)
    with BatchServer(data=folder / "server", speed=0, answers="echo", timing=TIMING) as server:
        server.fail(*FAULTS, *(_holding(held) if held and held.is_request else ()))
        yield Site(folder, server)
    if not keep:
        rmtree(folder)


def _holding(point: Point) -> Iterator[RouteFault]:
    yield RouteFault(
        kind="hang", route=point.what, calls=(point.call,), when=point.when, seconds=LONGEST_LIFE_SECONDS
    )


def record(folder: Path) -> tuple[list[Point], Verdict, str]:
    """Run the job undisturbed: the points it passes, what it comes to, and what it says."""
    with make_site(folder) as site:
        start = site.start()
        site.run(start)
        points = find_points(requests_of(site.server), start.changes)
        site.pace.end()
        verdict = judge(site.server, site.destination, start.end)
        return points, verdict, start.log


def try_point(folder: Path, point: Point, restart: Restart, *, keep: bool = False) -> Result:
    """Kill the job at a point, start it again, and judge it."""
    begun = time.monotonic()
    for number in range(TRIES):
        with make_site(folder / str(number), point, keep=keep) as site:
            first = site.start(kill_at=point)
            if not site.run(first):
                continue
            site.pace.restart()
            second = site.start(elsewhere=restart == "b")
            site.run(second)
            site.pace.end()
            verdict = judge(site.server, site.destination, second.end)
            return Result(point, restart, 2, time.monotonic() - begun, verdict, second.log)
    return Result(point, restart, 1, time.monotonic() - begun, Verdict(problems=("the point was not reached",)))
