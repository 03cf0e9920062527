"""Why nothing more of a job is sent."""

from datetime import datetime
from typing import Literal

from ..outcomes.outcome import Outcome, OutcomeKind
from ..storage.folders import Folder
from ..storage.records import Record

STOPPED = "stopped.json"

RESUMED = "resumed.json"

CANCELLING = "cancelling.json"

StopCode = Literal["budget", "cancelled", "ended", "finish_by", "insufficient_quota", "model_not_found"]
"""Its budget was used up; or somebody cancelled the job and its batches, or ended the job and lets them run on; or
its time was up; or the account cannot pay, or the model cannot be batched.
"""


class Stop(Record):
    """Why nothing more of a job is sent; rows that no batch holds get this code and message.

    And whether its `time_is_up`, where something else had stopped it before.
    """

    code: StopCode
    message: str
    stopped_at: datetime
    time_is_up: bool = False

    @property
    def cancels(self) -> bool:
        """Whether open batches are cancelled; else they run on, and are collected."""
        return self.time_is_up or self.code in ("cancelled", "finish_by")

    @property
    def by_openai(self) -> bool:
        """Whether OpenAI takes nothing more; else somebody wants nothing more to be sent."""
        return self.code in ("insufficient_quota", "model_not_found")

    @property
    def outcome(self) -> Outcome:
        """What became of the rows that were not sent."""
        kind = OutcomeKind.FAILED if self.by_openai else OutcomeKind.CANCELLED
        return Outcome(kind, error_code=self.code, error_message=self.message, again=True)


def note_stop(files: Folder, stop: Stop) -> None:
    """Record a stop in a job's folder: the first one, or a cancellation; with the first, that its time is up."""
    if files.claim(STOPPED, stop):
        return
    if stop.code == "cancelled":
        files.write(STOPPED, stop)
    elif stop.cancels and (known := files.read(STOPPED, Stop)) is not None and not known.cancels:
        files.write(STOPPED, known.model_copy(update={"time_is_up": True}))


class Cancelling(Record):
    """OpenAI has not cancelled all that a stop asks for; when to ask again, in Unix seconds."""

    stopped_at: datetime
    not_before: float


def note_cancelling(files: Folder, stop: Stop, not_before: float | None) -> None:
    """Record when what is open is to be cancelled again, for whoever wakes the job; None: it is cancelled."""
    if not_before is None:
        files.remove_file(CANCELLING)
    else:
        files.write(CANCELLING, Cancelling(stopped_at=stop.stopped_at, not_before=not_before))


def is_to_cancel(files: Folder, stop: Stop, now: float) -> bool:
    """Whether what is open is to be cancelled again by now."""
    known = files.read(CANCELLING, Cancelling) if stop.cancels else None
    return known is not None and known.stopped_at == stop.stopped_at and known.not_before <= now


class Resumed(Record):
    """The run that took a stop back, those that did so earlier, and how many rounds there were then."""

    run_id: str
    rounds: int
    earlier: tuple[str, ...] = ()

    @property
    def run_ids(self) -> tuple[str, ...]:
        """All runs that took a stop back: each has done so once, and takes no later one back as it wakes."""
        return (*self.earlier, self.run_id)
