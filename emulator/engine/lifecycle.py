"""The life of a batch: what happens to it, and when on the server's clock.

    validating ─▶ in_progress ─▶ finalizing ─▶ completed
        │              │              └─(its window passed)─▶ expired
        ▼              ▼
      failed       cancelling ─▶ cancelled

Each event leaves the batch with the time at which the next is due, or ended.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from ..answers.models import models_of, snapshot
from ..clock import Clock
from ..errors import ApiError
from ..faults.script import Faults
from ..settings import ServerSettings
from .execution import CANCELLED, EXPIRED, Execution
from .identifiers import new_file_id
from .plan import Plan, chunk_offsets
from .records import BatchRecord, FileRecord
from .schedule import Schedule
from .store import Store
from .validation import Validation, ValidationJob, first_model, problem, token_limit_problem
from .worker import Workshop

Ending = Literal["completed", "expired", "cancelled"]


class Lifecycle:
    """What happens to a batch from its creation to its end."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: ServerSettings,
        workshop: Workshop,
        faults: Faults,
        ended: Callable[[BatchRecord], None],
    ) -> None:
        self.leaping = False
        """Whether the clock is being moved on, so that events bear the time that they were due."""
        self._store = store
        self._clock = clock
        self._settings = settings
        self._workshop = workshop
        self._schedule = Schedule(settings, faults)
        self._ended = ended
        self._plans: dict[str, Plan] = {}

    def happen(self, batch: BatchRecord, due: float) -> None:
        """The event that was due at this moment."""
        status = batch.status
        if status == "validating":
            self._validate(batch, due)
        elif status == "in_progress":
            self._advance(batch, self._moment(due))
        elif status == "finalizing":
            self._finish(batch, "expired" if batch.expiring else "completed", due)
        else:
            self._finish(batch, "cancelled", due)

    def cancel(self, batch: BatchRecord, moment: float | None = None) -> None:
        """Begin to cancel a batch, now or at another moment that is due.

        Raises:
            ApiError: 409, it has ended otherwise.
        """
        with self._store.lock:
            if batch.status in ("cancelling", "cancelled"):
                return
            if batch.status in ("completed", "failed", "expired"):
                raise ApiError(409, f"Cannot cancel a batch with status '{batch.status}'.")
            now = self._clock.now() if moment is None else moment
            batch.status, batch.cancelling_at = "cancelling", now
            batch.finalizing_at = None
            batch.due = now + self._settings.timing.cancelling
            self._store.save_batch(batch)

    def _moment(self, due: float) -> float:
        """When an event happens: on a true clock now, after the work it took; otherwise when it is due."""
        return max(due, self._clock.now()) if self._clock.is_true and not self.leaping else due

    def _validate(self, batch: BatchRecord, due: float) -> None:
        end = batch.created_at + self._settings.timing.validating
        if due < end:
            self._show_model(batch, end)
            return
        found = self._validation(batch, due)
        with self._store.lock:
            if batch.status != "validating":
                return
            moment = self._moment(due)
            errors = found.errors or self._refusals(batch, found)
            if errors:
                batch.status, batch.failed_at, batch.errors, batch.due = "failed", moment, errors, None
                batch.model = None
                self._close(batch)
                return
            batch.status, batch.in_progress_at = "in_progress", moment
            batch.model = snapshot(found.model or "")
            batch.progress.total = found.total
            batch.enqueued_tokens = found.tokens
            batch.due = self._schedule.next_move(batch)
            self._store.save_batch(batch)

    def _show_model(self, batch: BatchRecord, end: float) -> None:
        """Halfway through its validation a batch shows the model that its first line names."""
        model = first_model(self._store.content_path(batch.input_file_id))
        with self._store.lock:
            if batch.status == "validating":
                batch.model = snapshot(model) if models_of(self._settings).know(model) else None
                batch.due = end
                self._store.save_batch(batch)

    def _validation(self, batch: BatchRecord, due: float) -> Validation:
        try:
            file = self._store.find_file(batch.input_file_id, due)
            path = self._store.keep_input(batch)
        except (ApiError, OSError):
            message = (
                f"Cannot find file {batch.input_file_id}, or organization org-emulator does not have access to it."
            )
            return Validation([problem("invalid_request", message, "file_id")])
        if file.purpose != "batch":
            message = (
                f"The file {file.id} has the purpose '{file.purpose}'. Expected a file of the purpose 'batch'."
            )
            return Validation([problem("invalid_request", message, "file_id")])
        models, azure = models_of(self._settings), self._settings.profile == "azure"
        job = ValidationJob(path, batch.endpoint, self._settings.limits, models, any_endpoint=azure)
        return self._workshop.validate(job)

    def _refusals(self, batch: BatchRecord, found: Validation) -> list[dict[str, object]]:
        """What is wrong with a batch whose file is right: a script says so, or too much is enqueued."""
        if fault := self._schedule.fault(batch, "fail_validation"):
            return [problem(fault.code, fault.message or f"The batch failed: {fault.code}.")]
        others = [other for other in self._store.batches.values() if other.is_open and other is not batch]
        refusal = token_limit_problem(self._settings.limits, found, batch.endpoint, others)
        return [refusal] if refusal else []

    def _advance(self, batch: BatchRecord, moment: float) -> None:
        """Execute the lines that the clock allows by now; then look at what comes next."""
        if self._schedule.has_run_out(batch, moment):
            self._expire(batch)
            return
        allowed = self._schedule.allowed(batch, moment)
        if allowed > batch.progress.position:
            stop = min(allowed, batch.progress.position + self._workshop.step)
            job = self._job(batch, batch.progress.position, stop, moment)
            progress = self._workshop.execute(job, batch.progress)
        else:
            progress = batch.progress
        with self._store.lock:
            batch.progress = progress
            if batch.status == "in_progress":
                self._look_on(batch, moment, allowed)
            self._store.save_batch(batch)

    def _look_on(self, batch: BatchRecord, moment: float, allowed: int) -> None:
        done = batch.progress
        if done.position < allowed:
            return
        if self._schedule.fault(batch, "cancelled") and done.position >= self._schedule.most(batch):
            self.cancel(batch, moment)
        elif done.position == done.total and not self._schedule.stalls(batch):
            batch.status, batch.finalizing_at = "finalizing", self._moment(moment)
            batch.due = self._schedule.finalized(batch, batch.finalizing_at)
        else:
            batch.due = self._schedule.next_move(batch)

    def _expire(self, batch: BatchRecord) -> None:
        with self._store.lock:
            if batch.status == "in_progress":
                batch.status, batch.expiring = "finalizing", True
                batch.finalizing_at = max(batch.expires_at + 1, batch.in_progress_at or 0)
                batch.due = batch.finalizing_at + self._settings.timing.expiring
                self._store.save_batch(batch)

    def _job(self, batch: BatchRecord, start: int, stop: int, moment: float) -> Execution:
        paths = {name: self._store.batch_path(batch, name) for name in ("output", "errors", "bill")}
        plan, profile = self._plan(batch), self._settings.profile
        return Execution(plan, start, stop, batch.id, batch.number, batch.endpoint, int(moment), paths, profile)

    def _plan(self, batch: BatchRecord) -> Plan:
        if batch.id not in self._plans:
            path = self._store.batch_path(batch, "input")
            offsets = chunk_offsets(path)
            self._plans[batch.id] = Plan(
                path, offsets, batch.progress.total, f"{self._settings.seed} {batch.number}"
            )
        return self._plans[batch.id]

    def _finish(self, batch: BatchRecord, status: Ending, due: float) -> None:
        progress = batch.progress
        if status != "completed" and progress.position < progress.total:
            job = self._job(batch, progress.position, progress.total, due)
            progress = self._workshop.close_unexecuted(
                job, progress, EXPIRED if status == "expired" else CANCELLED
            )
        with self._store.lock:
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
        path: Path = self._store.batch_path(batch, part)
        if not batch.progress.sizes.get(part) and not (self._settings.profile == "azure" and part == "errors"):
            return None
        path.touch()
        record = FileRecord(
            id=new_file_id(self._settings.profile),
            purpose="batch_output",
            filename=f"{batch.id}_{'output' if part == 'output' else 'error'}.jsonl",
            bytes=path.stat().st_size,
            created_at=moment,
            expires_at=moment + (batch.output_seconds or 2_592_000),
            number=self._store.next_number("file"),
        )
        # The part stays until the batch's record says that it has ended: a crash in between loses nothing.
        self._store.add_file(self._store.second_name(path), record)
        return record.id

    def _close(self, batch: BatchRecord) -> None:
        """The end of a batch: what only a running one needs goes."""
        for part in ("input", "output", "errors"):
            self._store.batch_path(batch, part).unlink(missing_ok=True)
        self._plans.pop(batch.id, None)
        self._store.save_batch(batch)
        self._ended(batch)
