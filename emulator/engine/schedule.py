"""How many lines of a running batch may have run by a moment, and when the next thing happens to it."""

import math

from ..faults.script import BatchFault, Faults
from ..settings import ServerSettings
from .records import BatchRecord

_MOVES = 8
"""How often the counts of a running batch move."""


class Schedule:
    """The clock's side of running batches, as the settings' timing and the script of faults have it."""

    def __init__(self, settings: ServerSettings, faults: Faults) -> None:
        self._timing = settings.timing
        self._faults = faults
        self._expires = settings.profile != "azure"  # Azure's batches run on past their window

    def fault(self, batch: BatchRecord, kind: str) -> BatchFault | None:
        """What the script has in store for a batch, of one kind."""
        return self._faults.of_batch(batch.number).get(kind)

    def has_run_out(self, batch: BatchRecord, moment: float) -> bool:
        """Whether a batch's window has passed before it was done."""
        undone = batch.progress.position < batch.progress.total or self.stalls(batch)
        return self._expires and moment >= batch.expires_at and undone

    def stalls(self, batch: BatchRecord) -> bool:
        """Whether a batch stands still until its window ends, even with all its lines run."""
        return self._expires and self.fault(batch, "half_expired") is not None

    def allowed(self, batch: BatchRecord, moment: float) -> int:
        """How many lines may have been executed by now: one more at least, or its event would not be due."""
        running, most = self._timing.running, self.most(batch)
        if running <= 0:
            return most
        assert batch.in_progress_at is not None
        share = (moment - batch.in_progress_at) / running
        return min(most, max(math.floor(batch.progress.total * share), batch.progress.position + 1))

    def most(self, batch: BatchRecord) -> int:
        """How many lines run at all: fewer than there are where a script says so."""
        fault = self.fault(batch, "half_expired" if self.stalls(batch) else "cancelled")
        return batch.progress.total if fault is None else math.floor(batch.progress.total * fault.share)

    def next_move(self, batch: BatchRecord) -> float:
        """When a running batch's counts move next, or its window ends."""
        total, position = batch.progress.total, batch.progress.position
        assert batch.in_progress_at is not None
        if position >= self.most(batch) and self.stalls(batch):
            return max(batch.expires_at, batch.in_progress_at)
        goal = min(self.most(batch), position + max(1, math.ceil(total / _MOVES)))
        due = batch.in_progress_at + self._timing.running * goal / total
        return min(due, max(batch.expires_at, batch.in_progress_at)) if self._expires else due

    def finalized(self, batch: BatchRecord, since: float) -> float:
        """When a batch that finalizes since this moment is completed."""
        due = since + self._timing.finalizing
        if fault := self.fault(batch, "hang_finalizing"):
            return max(due, batch.expires_at + fault.seconds)
        if fault := self.fault(batch, "slow_finalizing"):
            return since + fault.seconds
        return due
