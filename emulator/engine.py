"""The life of a batch: what happens to it, and when on the server's clock.

    validating ─▶ in_progress ─▶ finalizing ─▶ completed
        │              │              └─(its window passed)─▶ expired
        ▼              ▼
      failed       cancelling ─▶ cancelled

Each open batch knows when its next event is due. The engine takes the earliest, does its work, and looks again;
so the events of many batches happen in the order of the clock, however far it leaps.
"""

import logging
import math
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from .bodies import Answer, Asked
from .clock import Clock
from .errors import ApiError
from .execution import CANCELLED, EXPIRED, Execution
from .faults import BatchFault, Faults
from .identifiers import new_file_id
from .limits import token_limit_problem
from .models import snapshot
from .plan import Plan, chunk_offsets
from .records import BatchRecord, FileRecord
from .settings import ServerSettings
from .store import Store
from .validation import Validation, ValidationJob, problem
from .workshop import Workshop

_MOVES = 8
"""How often the counts of a running batch move."""

Ending = Literal["completed", "expired", "cancelled"]

log = logging.getLogger(__name__)


class Engine:
    """Moves every open batch along, in a thread of its own or whenever the clock is moved by hand."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: ServerSettings,
        workshop: Workshop,
        faults: Faults,
        ended: Callable[[BatchRecord], None],
    ) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self._workshop = workshop
        self._faults = faults
        self._ended = ended
        self._plans: dict[str, Plan] = {}
        self._settling = threading.Lock()
        self._wake = threading.Event()
        self._expires = settings.profile != "azure"  # Azure's batches run on past their window
        self._stopped = False
        self._leaping = False
        self._thread = threading.Thread(target=self._run, name="batch-engine", daemon=True)

    def start(self) -> None:
        """Begin to move batches along."""
        self._thread.start()

    def answer(self, endpoint: str, asked: list[Asked]) -> list[Answer]:
        """Answer some requests at once, outside any batch."""
        return self._workshop.answer(endpoint, asked)

    def stop(self) -> None:
        """Stop after the event at hand; one that waits for another server has not happened."""
        self._stopped = True
        self._wake.set()
        self._workshop.interrupt()
        self._thread.join()
        self._workshop.stop()

    def notify(self) -> None:
        """Say that a batch was created or changed."""
        self._wake.set()

    def leap(self, seconds: float) -> float:
        """Move the clock on, and let everything happen that is due by then, each event at its time.

        Raises:
            ValueError: the clock cannot move so.
        """
        with self._settling:
            now = self.clock.advance(seconds)
            self._leaping = True
            try:
                self._settle()
            finally:
                self._leaping = False
        self.notify()
        return now

    def _settle(self) -> None:
        while not self._stopped and (batch := self._next()) is not None:
            if batch.due is None or batch.due > self.clock.now():
                return
            self._happen(batch, batch.due)

    def cancel(self, batch: BatchRecord, moment: float | None = None) -> None:
        """Begin to cancel a batch, now or at another moment that is due.

        Raises:
            ApiError: 409, it has ended otherwise.
        """
        with self.store.lock:
            if batch.status in ("cancelling", "cancelled"):
                return
            if batch.status in ("completed", "failed", "expired"):
                raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
            now = self.clock.now() if moment is None else moment
            batch.status, batch.cancelling_at = "cancelling", now
            batch.finalizing_at = None
            batch.due = now + self.settings.timing.cancelling
            self.store.save_batch(batch)
        self.notify()

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            try:
                if not self.clock.by_hand:
                    with self._settling:
                        self._settle()
            except Exception:
                if not self._stopped:
                    log.exception("a batch could not be moved along; it is tried again")
                self._wake.wait(1)
            batch = None if self.clock.by_hand else self._next()
            due = None if batch is None or batch.due is None else self.clock.true_seconds_until(batch.due)
            self._wake.wait(due if due is None else min(due, 60))

    def _next(self) -> BatchRecord | None:
        with self.store.lock:
            waiting = [batch for batch in self.store.batches.values() if batch.due is not None]
        return min(waiting, key=lambda batch: (batch.due, batch.number), default=None)

    def _happen(self, batch: BatchRecord, due: float) -> None:
        status = batch.status
        if status == "validating":
            self._validate(batch, due)
        elif status == "in_progress":
            self._advance(batch, self._moment(due))
        elif status == "finalizing":
            self._finish(batch, "expired" if batch.expiring else "completed", due)
        else:
            self._finish(batch, "cancelled", due)

    def _moment(self, due: float) -> float:
        """When an event happens: on a true clock now, after the work it took; otherwise when it is due."""
        return max(due, self.clock.now()) if self.clock.is_true and not self._leaping else due

    def _validate(self, batch: BatchRecord, due: float) -> None:
        found = self._validation(batch, due)
        with self.store.lock:
            if batch.status != "validating":
                return
            moment = self._moment(due)
            errors = found.errors or self._refusals(batch, found)
            if errors:
                batch.status, batch.failed_at, batch.errors, batch.due = "failed", moment, errors, None
                self._close(batch)
                return
            batch.status, batch.in_progress_at = "in_progress", moment
            batch.model = snapshot(found.model or "")
            batch.progress.total = found.total
            batch.enqueued_tokens = found.tokens
            batch.due = self._next_move(batch)
            self.store.save_batch(batch)

    def _validation(self, batch: BatchRecord, due: float) -> Validation:
        try:
            self.store.find_file(batch.input_file_id, due)
            path = self.store.keep_input(batch)
        except (ApiError, OSError):
            message = (
                f"Cannot find file {batch.input_file_id}, or organization org-emulator does not have access to it."
            )
            return Validation([problem("invalid_request", message, "file_id")])
        azure = self.settings.profile == "azure"
        return self._workshop.validate(
            ValidationJob(path, batch.endpoint, self.settings.limits, self.settings.any_model, any_endpoint=azure)
        )

    def _refusals(self, batch: BatchRecord, found: Validation) -> list[dict[str, object]]:
        """What is wrong with a batch whose file is right: a script says so, or too much is enqueued."""
        if fault := self._fault(batch, "fail_validation"):
            return [problem(fault.code, fault.message or f"The batch failed: {fault.code}.")]
        others = [other for other in self.store.batches.values() if other.is_open and other is not batch]
        refusal = token_limit_problem(self.settings.limits, found, batch.endpoint, others)
        return [refusal] if refusal else []

    def _fault(self, batch: BatchRecord, kind: str) -> BatchFault | None:
        return self._faults.of_batch(batch.number).get(kind)

    def _advance(self, batch: BatchRecord, moment: float) -> None:
        """Execute the lines that the clock allows by now; then look at what comes next."""
        if self._expires and moment >= batch.expires_at and batch.progress.position < batch.progress.total:
            self._expire(batch)
            return
        allowed = self._allowed(batch, moment)
        if allowed > batch.progress.position:
            stop = min(allowed, batch.progress.position + self._workshop.step)
            job = self._job(batch, batch.progress.position, stop, moment)
            progress = self._workshop.execute(job, batch.progress)
        else:
            progress = batch.progress
        with self.store.lock:
            batch.progress = progress
            if batch.status == "in_progress":
                self._look_on(batch, moment, allowed)
            self.store.save_batch(batch)

    def _look_on(self, batch: BatchRecord, moment: float, allowed: int) -> None:
        done = batch.progress
        if done.position == done.total:
            batch.status, batch.finalizing_at = "finalizing", self._moment(moment)
            batch.due = batch.finalizing_at + self.settings.timing.finalizing
            if fault := self._fault(batch, "hang_finalizing"):
                batch.due = max(batch.due, batch.expires_at + fault.seconds)
            elif fault := self._fault(batch, "slow_finalizing"):
                batch.due = batch.finalizing_at + fault.seconds
        elif done.position < allowed:
            return
        elif (fault := self._fault(batch, "cancelled")) and done.position >= self._most(batch):
            self.cancel(batch, moment)
        else:
            batch.due = self._next_move(batch)

    def _allowed(self, batch: BatchRecord, moment: float) -> int:
        """How many lines may have been executed by now: one more at least, or its event would not be due."""
        running, most = self.settings.timing.running, self._most(batch)
        if running <= 0:
            return most
        assert batch.in_progress_at is not None
        share = (moment - batch.in_progress_at) / running
        return min(most, max(math.floor(batch.progress.total * share), batch.progress.position + 1))

    def _most(self, batch: BatchRecord) -> int:
        """How many lines run at all: fewer than there are where a script says so."""
        stalls = self._fault(batch, "half_expired") if self._expires else None
        fault = stalls or self._fault(batch, "cancelled")
        return batch.progress.total if fault is None else math.floor(batch.progress.total * fault.share)

    def _next_move(self, batch: BatchRecord) -> float:
        total, position = batch.progress.total, batch.progress.position
        assert batch.in_progress_at is not None
        if self._expires and position >= self._most(batch) and self._fault(batch, "half_expired"):
            return max(batch.expires_at, batch.in_progress_at)
        goal = min(self._most(batch), position + max(1, math.ceil(total / _MOVES)))
        due = batch.in_progress_at + self.settings.timing.running * goal / total
        return min(due, max(batch.expires_at, batch.in_progress_at)) if self._expires else due

    def _expire(self, batch: BatchRecord) -> None:
        with self.store.lock:
            if batch.status == "in_progress":
                batch.status, batch.expiring = "finalizing", True
                batch.finalizing_at = max(batch.expires_at + 1, batch.in_progress_at or 0)
                batch.due = batch.finalizing_at + self.settings.timing.expiring
                self.store.save_batch(batch)

    def _job(self, batch: BatchRecord, start: int, stop: int, moment: float) -> Execution:
        paths = {name: self.store.batch_path(batch, name) for name in ("output", "errors", "bill")}
        plan, profile = self._plan(batch), self.settings.profile
        return Execution(plan, start, stop, batch.id, batch.number, batch.endpoint, int(moment), paths, profile)

    def _plan(self, batch: BatchRecord) -> Plan:
        if batch.id not in self._plans:
            path = self.store.batch_path(batch, "input")
            offsets = chunk_offsets(path)
            self._plans[batch.id] = Plan(
                path, offsets, batch.progress.total, f"{self.settings.seed} {batch.number}"
            )
        return self._plans[batch.id]

    def _finish(self, batch: BatchRecord, status: Ending, due: float) -> None:
        progress = batch.progress
        if status != "completed" and progress.position < progress.total:
            job = self._job(batch, progress.position, progress.total, due)
            progress = self._workshop.close_unexecuted(
                job, progress, EXPIRED if status == "expired" else CANCELLED
            )
        with self.store.lock:
            moment = self._moment(due)
            batch.progress = progress
            batch.status = status
            setattr(batch, f"{status}_at", moment)
            batch.output_file_id = self._publish(batch, "output", moment)
            batch.error_file_id = self._publish(batch, "errors", moment)
            batch.due = None
            self._close(batch)

    def _publish(self, batch: BatchRecord, part: str, moment: float) -> str | None:
        """Make one of the batch's files a file of the Files API; None where it has no lines.

        Azure has an error file in any case, of no bytes where nothing failed.
        """
        path: Path = self.store.batch_path(batch, part)
        if not batch.progress.sizes.get(part) and not (self.settings.profile == "azure" and part == "errors"):
            return None
        path.touch()
        record = FileRecord(
            id=new_file_id(self.settings.profile),
            purpose="batch_output",
            filename=f"{batch.id}_{'output' if part == 'output' else 'error'}.jsonl",
            bytes=path.stat().st_size,
            created_at=moment,
            expires_at=moment + (batch.output_seconds or 2_592_000),
            number=self.store.next_number("file"),
        )
        # The part stays until the batch's record says that it has ended: a crash in between loses nothing.
        self.store.add_file(self.store.second_name(path), record)
        return record.id

    def _close(self, batch: BatchRecord) -> None:
        """The end of a batch: what only a running one needs goes."""
        for part in ("input", "output", "errors"):
            self.store.batch_path(batch, part).unlink(missing_ok=True)
        self._plans.pop(batch.id, None)
        self.store.save_batch(batch)
        self._ended(batch)
