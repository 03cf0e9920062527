"""Moments in the way of a run that waits suspended, at which its process is killed."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import psutil
from prefect_openai_batch.emulator import BatchServer, RouteFault, ServerSettings, Timing

from .programs import processes_of
from .stage import SECRET, Stage

HOUR = 3_600.0
ROWS = 60
MODELS = ("gpt-5", "gpt-5-mini")
ENDS = ("Completed", "Partial", "Failed", "Cancelled")
LONGEST_SECONDS = 900.0
"""Prefect's server on SQLite stands still for a minute, now and then, when many runs write at once."""

API_SECONDS = 1.0
"""Between two looks at a run's state."""


@dataclass(frozen=True)
class Moment:
    """When the process is killed.

    Attributes:
        name: What happens then.
        fault: The call at whose beginning or end it is killed; None where no call tells.
    """

    name: str
    fault: RouteFault | None = None


SUSPENDING = Moment("as it suspends itself")
WAKING = Moment("as it is woken")


def _call(what: str, route: str, when: str, call: int = 1) -> Moment:
    fault = RouteFault.model_validate(
        {"kind": "hang", "route": route, "when": when, "calls": (call,), "seconds": LONGEST_SECONDS}
    )
    return Moment(f"{when} {what} {call}", fault)


MOMENTS: list[Moment] = [
    SUSPENDING,
    WAKING,
    _call("upload", "POST */files", "before"),
    _call("upload", "POST */files", "after"),
    _call("upload", "POST */files", "after", 2),
    _call("creation", "POST */batches", "before"),
    _call("creation", "POST */batches", "after"),
    _call("creation", "POST */batches", "before", 2),
    _call("creation", "POST */batches", "after", 2),
    _call("look", "GET */batches", "before"),
    _call("look", "GET */batches", "after", 2),
    _call("download", "GET */content", "before"),
    _call("download", "GET */content", "after"),
    _call("download", "GET */content", "after", 2),
    _call("deletion", "DELETE *", "before"),
    _call("deletion", "DELETE *", "after", 2),
]


def make_server(folder: Path, hooks: int | None = None) -> BatchServer:
    """A server whose batches take eight hours, its clock moved by hand; `hooks` is its receiver's port."""
    url = None if hooks is None else f"http://127.0.0.1:{hooks}/"
    timing = Timing(validating=60, running=8 * HOUR, finalizing=60)
    settings = ServerSettings(data=folder, speed=0, timing=timing, webhook_url=url, webhook_secret=SECRET)
    return BatchServer(settings)


@dataclass
class Trial:
    """One job that something is killed of.

    Attributes:
        name: What is killed, or when.
        stage: What it runs on.
        server: Where its batches go.
        folder: Where its results and its job folder lie.
        run_id: Its flow run.
        killed: Whether that has happened.
        starts: The ids of its processes.
        end: How it has ended, once it has.
        seconds: How long that took.
    """

    name: str
    stage: Stage
    server: BatchServer
    folder: Path
    moment: Moment | None = None
    run_id: str = ""
    killed: bool = False
    advanced: bool = False
    starts: set[int] = field(default_factory=set)
    end: str = ""
    seconds: float = 0.0
    _begun: float = 0.0
    _asked: float = 0.0
    _state: str = ""

    def begin(self, wait: str = "suspend") -> None:
        """Start the job."""
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = pd.DataFrame({"model": [MODELS[row % len(MODELS)] for row in range(ROWS)], "text": range(ROWS)})
        rows.to_csv(self.folder / "rows.csv", index=False)
        wanted = {
            "source": str(self.folder / "rows.csv"),
            "request": {"kind": "chat", "model": "{{ model }}", "prompt": "{{ text }}"},
            "destination": str(self.folder / "answers.parquet"),
            "storage": str(self.folder / "jobs"),
            "options": {"settle_seconds": 2, "poll_seconds": 2, "wait": wait},
        }
        self._begun = time.monotonic()
        if self.moment and self.moment.fault:
            self.server.fail(self.moment.fault)
        self.run_id = self.stage.start(wanted, {"OPENAI_BASE_URL": self.server.base_url})

    def step(self) -> None:
        """Look what has become of it, kill it when its moment has come, and let the day pass once it waits."""
        processes = processes_of(self.run_id)
        new = {process.pid for process in processes} - self.starts
        self.starts |= new
        if self.moment and not self.killed and self._has_come(bool(new), bool(processes)):
            self._kill(processes)
        if time.monotonic() - self._asked > API_SECONDS:
            self._ask()

    def _ask(self) -> None:
        self._asked, self._state = time.monotonic(), self.stage.state(self.run_id)
        self.seconds = time.monotonic() - self._begun
        if self._state == "Suspended" and not self.advanced and self.moment is not SUSPENDING:
            self.advance()
        if self._state == "Suspended" and self.killed:
            self.advance()
        if self._state in ENDS or self.seconds > LONGEST_SECONDS:
            self.end = self._state

    def advance(self) -> None:
        """Let everything happen at the server that is to come."""
        self.server.advance(9 * HOUR)
        self.advanced = True

    def _has_come(self, has_started: bool, is_there: bool) -> bool:
        assert self.moment is not None, "asked of a trial that has one"
        if self.moment is SUSPENDING:
            return is_there and self.has_looked()
        if self.moment is WAKING:
            return has_started and self.advanced
        return any(request["status"] is None and self._is_held(request) for request in self.server.requests())

    def has_looked(self) -> bool:
        """Whether the look has been made that comes before the suspension."""
        looks = [one for one in self.server.requests() if (one["method"], one["path"]) == ("GET", "/v1/batches")]
        return bool(looks) and looks[-1]["status"] is not None

    def _is_held(self, request: dict[str, object]) -> bool:
        assert self.moment is not None, "asked of a trial that has one"
        assert self.moment.fault is not None, "asked of one that a call tells"
        method, _, path = self.moment.fault.route.partition(" ")
        return request["method"] == method and str(request["path"]).endswith(path.strip("*"))

    def _kill(self, processes: list[psutil.Process]) -> None:
        time.sleep(0.2)  # a call that is not held is answered by then
        if self.moment and self.moment.fault and not self._has_come(has_started=False, is_there=True):
            return
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.killed = True
        self.server.fail()

    def finished(self) -> "Ended":
        """What it has come to, while the server is there to be asked."""
        bill, path = self.server.bill(), self.folder / "answers.parquet"
        answered = int(pd.read_parquet(path)["answer"].notna().sum()) if path.exists() else 0
        files = len(self.server.state()["files"])
        problems = [
            *([] if self.killed else ["nothing was killed"]),
            *([] if self.end == "Completed" else [f"it is {self.end}: {self.stage.message(self.run_id)}"]),
            *([] if answered == ROWS else ["rows are without an answer"]),
            *([] if bill["billed"] == bill["executed"] == ROWS else [f"{bill['executed']} items ran"]),
            *([] if not bill["billed_more_than_once"] else ["items were billed twice"]),
            *([] if not files else ["remote files are left"]),
        ]
        return Ended(self.name, len(self.starts), bill["billed"], answered, files, self.seconds, tuple(problems))


@dataclass(frozen=True)
class Ended:
    """What a trial has come to."""

    name: str
    starts: int
    billed: int
    answered: int
    files: int
    seconds: float
    problems: tuple[str, ...]

    def __str__(self) -> str:
        """It as a line of the table."""
        counted = f"{self.starts:>7}{self.billed:>8}{self.answered:>10}{self.files:>12}{self.seconds:>9.0f}"
        return f"{self.name:28}{counted}  {'NO: ' + '; '.join(self.problems) if self.problems else 'yes'}"


HEADING = f"{'killed':28}{'starts':>7}{'billed':>8}{'answered':>10}{'files left':>12}{'seconds':>9}  held"


def try_moment(stage: Stage, moment: Moment, number: int) -> Ended:
    """Kill a job at a moment, and let it come to its end."""
    folder = stage.folder / f"moment-{number}"
    with make_server(folder / "batch-server") as server:
        trial = Trial(moment.name, stage, server, folder, moment)
        trial.begin()
        while not trial.end:
            trial.step()
            time.sleep(0.05)
        return trial.finished()
