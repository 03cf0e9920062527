"""A round's batches: submitted, waited for and fetched, several at once."""

import time
from datetime import UTC, datetime

from prefect import get_run_logger

from ...batch import clock
from ...batch.files.batches import Batch, BatchStatus
from ...batch.files.input_files import InputFile
from ...batch.flight.bounds import bounds_of
from ...batch.flight.departures import Departures
from ...batch.jobs.deadlines import next_deadline
from ...batch.jobs.job import Job
from ...batch.jobs.rounds import stop_if_out_of_quota, whereabouts
from ...batch.jobs.submissions import Refusals, gave_way, refusals
from ...batch.money.budgets import Spending
from ...batch.outcomes.validation import Reason, why_refused
from ...batch.progress import noted_wait
from ...batch.progress import report as report_progress
from ...batch.storage.records import listed_once
from ...tasks import (
    cancel_batch,
    cancel_job,
    look_for_room,
    reconsider_batch,
    sensor_options,
    wait_for_batches,
)
from ...tasks.remote.tries import may_pass
from ..job_run import JobRun
from ..shown.story import tell_refused, tell_submitted
from ..suspension.looks import look_once, suspends_at
from .answering import answer_rest
from .fetching import Fetching
from .patience import Patience
from .submitting import UPLOADS, note_claimed, submit_files

STOP_LOOK_SECONDS = 1.0
"""While nothing is open, a stop is looked for so often."""

PATIENT_SECONDS = 3_600.0
"""So long OpenAI may take, give or tell nothing before a run fails that waits in its own process."""

ROOM_OF = "room among the enqueued tokens of {}"


class Flight:
    """The input files of a round on their way: submitted as `Departures` says, waited for, fetched."""

    @listed_once()
    def __init__(self, job_run: JobRun, number: int) -> None:
        self.job_run = job_run
        self.job: Job = job_run.job
        self.options = job_run.options
        self.credentials = job_run.credentials
        self.number = number
        where = whereabouts(self.job, number)
        outputs, flying, waiting = where
        bounds = bounds_of(self.job, where, clock.now())
        self.departures = Departures(
            waiting,
            flying,
            self.options.in_flight,
            bounds,
            self.options.pauses,
            not_before=self._not_before,
            yields=self.options.wait != "detach",
        )
        self.told_of: set[str] = set()
        self.refused: dict[str, Refusals] = {}
        self.fetching = Fetching(job_run)
        self.cancelled = False
        self.patience = Patience(self.options.wait, PATIENT_SECONDS)
        self.spending = Spending(self.job)
        report_progress("upload", total=sum(file.items for file in waiting), done=0)
        items = sum(file.items for file in self.job.input_files_of(number))
        done = sum(file.items for file, output in outputs if output is not None)
        report_progress("fetch", total=items, done=done)

    def run(self) -> bool:
        """Submit, wait and fetch until nothing waits and nothing flies, or the job's time is up.

        Returns:
            False where this process does not wait for what is left.
        """
        waited_for, departures = True, self.departures
        while waited_for and self._goes_on():
            ended = self._wait() if departures.flying else []
            for batch in ended:
                self._take(batch)
            self.fetching.check()
            self._answer_rest()
            if ended:
                continue
            if self._time_is_up():
                break
            waited_for = self._waits_here(self._next_deadline())
            if waited_for and not departures.flying:
                with noted_wait(self._awaited()):
                    time.sleep(min(STOP_LOOK_SECONDS, self.options.poll_seconds))
        self.fetching.end(patient=False)
        stop_if_out_of_quota(self.job, self.number)
        return waited_for

    def _goes_on(self) -> bool:
        """Whether anything waits or flies, once what may go is sent; what could not be fetched flies again."""
        if not self._submit_what_may_go() and not self.departures.flying:
            self._end_fetching()
        return bool(self.departures.waiting or self.departures.flying)

    def _end_fetching(self) -> None:
        """Wait for all outputs; who waits in its own process is patient, as long as there is time."""
        later = self.fetching.end(patient=self.patience.lasts("files") and not self._time_is_up())
        self.patience.note("files", is_away=bool(later))
        self.departures.flying += later

    def _submit_what_may_go(self) -> bool:
        """Submit as many as there is room for; whether any still wait."""
        departures = self.departures
        departures.bounds.let_go(clock.now())
        if self._is_over():
            return False
        look_at = departures.looks_again_at()
        if look_at is None or clock.now() < look_at:
            return bool(departures.waiting)
        try:
            enqueued = look_for_room(self.credentials) if departures.is_bounded else None
        except Exception as error:
            self.patience.note("list", is_away=True)
            if not may_pass(error) or (self.options.wait == "sensor" and not self.patience.lasts("list")):
                raise
            departures.could_not_look(clock.now())
            return True
        self.patience.note("list", is_away=False)
        while not self._is_over():
            going = departures.leave(UPLOADS, self._may_go, clock.now(), enqueued)
            if not going:
                self._stop_if_spent()
                break
            if not self._submit(going):
                break
        departures.looked(clock.now())
        self._say_what_lacks_room()
        return bool(departures.waiting)

    def _is_over(self) -> bool:
        """Whether nothing more is to be sent; then nothing waits, and what may have gone is looked for."""
        self._keep_deadline()
        waiting = self.departures.waiting
        if waiting and self.job.stopped():
            note_claimed(self.job_run, waiting, self._note_submission)
            waiting.clear()
        return not waiting

    def _not_before(self, file: InputFile) -> float:
        known = self.refused[file.folder] = refusals(file)
        return known.not_before

    def _may_go(self, file: InputFile) -> bool:
        may_go = self.spending.allows(file)
        if may_go:
            self.spending.sends(file)
        return may_go

    def _say_what_lacks_room(self) -> None:
        """Once for each model."""
        for model in sorted(self.departures.look.lacking - self.told_of):
            get_run_logger().info("Input files wait for %s", ROOM_OF.format(model))
        self.told_of |= self.departures.look.lacking

    def _awaited(self) -> str:
        lacking = self.departures.look.lacking
        if self.patience.is_away("list"):
            return "OpenAI, which does not say what is enqueued"
        return ROOM_OF.format(", ".join(sorted(lacking))) if lacking else "the time at which more may be sent"

    def _stop_if_spent(self) -> None:
        """Stop the job where nothing is open any more, and its budget lets none of what waits through."""
        waiting = self.departures.waiting
        if self.departures.flying:
            return
        self._end_fetching()  # what was open may have cost less than it could
        if not self.departures.flying and not any(self.spending.allows(file) for file in waiting):
            self.spending.stop(waiting[0])
            self._is_over()

    def _submit(self, files: list[InputFile]) -> bool:
        """Submit these; whether all of them have gone."""
        bound = self.departures.bounds.for_file
        # nobody would wake a suspended run that failed
        patient = self.options.wait == "suspend" or self.patience.lasts("batches")
        held = submit_files(self.job_run, files, bound, self._note_submission, self.refused, patient=patient)
        self.patience.note("batches", is_away=len(held.for_now) == len(files))
        self.departures.hold(*held)
        return not any(held)

    def _note_submission(self, file: InputFile, batch: Batch) -> None:
        self.patience.all_are_there()
        report_progress("upload", advance=file.items)
        self.departures.flying.append(batch)
        tell_submitted(self.job, file, batch)
        stopped = self.job.stopped()
        if stopped and stopped.cancels:  # while it was created, so that whoever stopped the job did not know it
            cancel_batch(batch.id, credentials=self.credentials)

    def _waits_here(self, until: datetime | None) -> bool:
        """Whether this process waits itself: for room that it leaves to others also where the run suspends."""
        return self.departures.leaves_room or self.job_run.waits_here(until)

    def _wait(self) -> list[Batch]:
        flying, deadline = self.departures.flying, self._next_deadline()
        if not self._waits_here(deadline):
            deadline = suspends_at(flying, clock.now())
            if self.options.wait == "detach" or deadline.timestamp() <= clock.now():
                return self._look_once()
        look_at = self.departures.looks_again_at()
        if look_at is not None:
            if not self.departures.leaves_room:
                look_at = max(look_at, clock.now() + self.options.poll_seconds)
            deadline = min(filter(None, (deadline, datetime.fromtimestamp(look_at, UTC))))
        oldest = min((batch.created_at or 0) for batch in flying)
        options = sensor_options(
            oldest,
            poll_seconds=self.options.poll_seconds,
            max_poll_seconds=self.options.max_poll_seconds,
            deadline=deadline,
        )
        sensor = wait_for_batches.with_options(**options)
        return sensor(flying, credentials=self.credentials, deadline=deadline)

    def _look_once(self) -> list[Batch]:
        """Look at what is open; where OpenAI cannot be asked, a suspended run waits for its next look."""
        try:
            return look_once(self.departures.flying, credentials=self.credentials)
        except Exception as error:
            if self.options.wait != "suspend" or not may_pass(error):
                raise
            get_run_logger().warning("OpenAI could not be asked (%s): the next look does so", type(error).__name__)
            return []

    def _next_deadline(self) -> datetime | None:
        stopped = self.job.stopped()
        cancelled = self.cancelled or (stopped is not None and stopped.cancels)
        return next_deadline(self.job.deadline, cancelled=cancelled)

    def _take(self, ended: Batch) -> None:
        """Fetch what a batch gave, or send again what it did not take."""
        departures = self.departures
        departures.landed(ended, clock.now())
        departures.bounds.learn([ended], clock.now())
        if gave_way(ended):
            departures.flying += [
                batch for batch in self.job.open_batches() if batch.input_file == ended.input_file
            ]
            return
        again = self._reconsider(ended)
        if again and ended.status == BatchStatus.FAILED:
            tell_refused(self.job, ended, again)
        if again and why_refused(ended.errors) == Reason.NO_ROOM:
            departures.lacked_room(again)
            return
        departures.goes_on(again)
        if ended.input_file not in again:
            if ended.status != BatchStatus.FAILED:
                departures.had_room(ended.input_file)
            self.fetching.begin(ended)

    def _reconsider(self, ended: Batch) -> list[InputFile]:
        may_have_twin = ended.status == BatchStatus.CANCELLED and not self.job.stopped()
        if ended.status != BatchStatus.FAILED and not may_have_twin:
            return []
        return reconsider_batch(
            self.job, ended, pause_seconds=self.options.poll_seconds, credentials=self.credentials
        )

    def _keep_deadline(self) -> None:
        """Cancel what is open when the time for it has come; a new start does so again, to be sure."""
        deadline = self.job.deadline
        if deadline and clock.now() >= deadline.cancel_at.timestamp() and not self.cancelled:
            self.job.stop("finish_by", f"The job had to be done by {deadline.finish_by.isoformat()}.")
            get_run_logger().info("The job is to be done by %s: what is open is cancelled", deadline.finish_by)
            cancel_job(self.job, settle_seconds=self.options.settle_seconds, credentials=self.credentials)
            self.cancelled = True
            self._answer_rest()

    def _answer_rest(self) -> None:
        """Where that was asked for: answer at once what the job's time is too short for."""
        deadline = self.job.deadline
        if deadline and deadline.answer_rest and (stopped := self.job.stopped()) and stopped.code == "finish_by":
            self.fetching.settle()  # what fails is raised at the end: now time is short
            answer_rest(self.job_run)

    def _time_is_up(self) -> bool:
        deadline = self.job.deadline
        return deadline is not None and clock.now() >= deadline.finish_by.timestamp()
