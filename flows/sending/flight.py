"""A round's batches: submitted, waited for and fetched, several at once."""

import time
from datetime import UTC, datetime

from prefect import get_run_logger

from ...batch import clock
from ...batch.files.batches import Batch, BatchStatus
from ...batch.files.input_files import InputFile
from ...batch.flight.bounds import bounds_of
from ...batch.flight.departures import Departures
from ...batch.jobs.job import Job
from ...batch.jobs.rounds import stop_if_out_of_quota, whereabouts
from ...batch.jobs.submissions import Refusals, gave_way, refusals
from ...batch.money.budgets import Spending
from ...batch.outcomes.validation import Reason, why_refused
from ...batch.progress import noted_wait
from ...batch.progress import report as report_progress
from ...batch.storage.records import listed_once
from ...batch.words import counted
from ...tasks import look_for_room, reconsider_batch, sensor_options, wait_for_batches
from ...tasks.remote.tries import kind_of, may_pass
from ..job_run import JobRun
from ..shown.story import tell_refused, tell_submitted
from ..suspension.looks import look_once, suspends_at
from .answering import answer_rest
from .fetching import Fetching
from .patience import Patience
from .stopping import Stopping
from .submitting import UPLOADS, note_claimed, submit_files

STOP_LOOK_SECONDS = 1.0
"""While nothing is open, a stop is looked for so often."""

PATIENT_SECONDS = 3_600.0
"""So long OpenAI may take, give or tell nothing before a run fails that waits in its own process."""

ROOM_OF = "room among the enqueued tokens of {}"

A_TURN = "a turn among Prefect's global concurrency limits (openai-batch-…), of which one is 0"
"""What files wait for that lack room although nothing bounds it."""


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
        self.stopping = Stopping(job_run)
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
            taken = [batch for batch in ended if self._take(batch)]
            self.fetching.check()
            self._answer_rest()
            if taken:
                continue
            if self.stopping.time_is_up():
                self._is_over()  # nothing is left unasked for: what may have gone is looked for
                break
            waited_for = self._waits_here(self.stopping.next_deadline())
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
        later = self.fetching.end(patient=self.patience.lasts("files") and not self.stopping.time_is_up())
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
            if not self._waits_out(error):
                raise
            departures.could_not_look(clock.now())
            return True
        if departures.is_bounded:
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
        """Whether nothing more is to be sent; then what is open is cancelled where that is asked for."""
        departures, has_come = self.departures, self.stopping.keep_deadline()
        if departures.waiting or departures.flying:
            self.stopping.cancel_open()
        stopped = bool(departures.waiting and self.job.stopped())
        if stopped:
            self._look_for_claimed()
        if has_come:
            self._answer_rest()
        return stopped or not departures.waiting

    def _look_for_claimed(self) -> None:
        """Look for what may have gone of the files that wait; once that is known, none of them waits any more."""
        waiting = self.departures.waiting
        try:
            note_claimed(self.job_run, waiting, self._note_submission)
        except Exception as error:
            if self.stopping.time_is_up() or not self._waits_out(error):
                raise
            self.departures.could_not_look(clock.now())
            return
        waiting.clear()

    def _waits_out(self, error: Exception) -> bool:
        """Note that OpenAI does not tell of its batches; whether that is waited out, here or elsewhere."""
        self.patience.note("list", is_away=True)
        return may_pass(error) and (self.options.wait != "sensor" or self.patience.lasts("list"))

    def _not_before(self, file: InputFile) -> float:
        known = self.refused[file.folder] = refusals(file)
        return known.not_before

    def _may_go(self, file: InputFile) -> bool:
        may_go = self.spending.allows(file)
        if may_go:
            self.spending.sends(file)
        return may_go

    def _say_what_lacks_room(self) -> None:
        """In the log once for each model; to whoever watches with how many items that are."""
        lacking = self.departures.look.lacking
        for model in sorted(lacking - self.told_of):
            get_run_logger().info("Input files wait for %s", self._room_of(model))
        self.told_of |= lacking
        if items := sum(file.items for file in self.departures.waiting if file.model in lacking):
            report_progress("upload", text=f"{counted(items, 'item')} without {self._awaited()}")

    def _awaited(self) -> str:
        lacking = self.departures.look.lacking
        if self.patience.is_away("list"):
            return "OpenAI, which does not say what is enqueued"
        return self._room_of(", ".join(sorted(lacking))) if lacking else "the time at which more may be sent"

    def _room_of(self, models: str) -> str:
        return ROOM_OF.format(models) if self.departures.is_bounded else A_TURN

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
        self.stopping.note_opened()

    def _waits_here(self, until: datetime | None) -> bool:
        """Whether this process waits itself: for room that it leaves to others also where the run suspends."""
        return self.departures.leaves_room or self.job_run.waits_here(until)

    def _wait(self) -> list[Batch]:
        self.stopping.cancel_open()  # what was created while somebody stopped the job, too
        flying, deadline = self.departures.flying, self.stopping.next_deadline()
        if not self._waits_here(deadline):
            deadline = suspends_at(flying, clock.now())
            if self.options.wait == "detach" or deadline.timestamp() <= clock.now():
                return look_once(flying, credentials=self.credentials)
        look_at = self.departures.looks_again_at()
        if look_at is not None and not self.departures.leaves_room:
            look_at = max(look_at, clock.now() + self.options.poll_seconds)
        times = [datetime.fromtimestamp(at, UTC) for at in (look_at, self.stopping.again_at) if at is not None]
        deadline = min(filter(None, (deadline, *times)), default=None)
        oldest = min((batch.created_at or 0) for batch in flying)
        options = sensor_options(
            oldest,
            poll_seconds=self.options.poll_seconds,
            max_poll_seconds=self.options.max_poll_seconds,
            deadline=deadline,
        )
        sensor = wait_for_batches.with_options(**options)
        return sensor(flying, credentials=self.credentials, deadline=deadline)

    def _take(self, ended: Batch) -> bool:
        """Fetch what a batch gave, or send again what it did not take; False where that cannot be told yet."""
        departures, leaves = self.departures, gave_way(ended)
        try:
            again = [] if leaves else self._reconsider(ended)
        except Exception as error:
            if not self._waits_out(error):
                raise
            get_run_logger().warning("What goes on of %s is asked later: %s", ended.id, kind_of(error))
            return False
        departures.landed(ended, clock.now())
        departures.bounds.learn([ended], clock.now())
        if again and ended.status == BatchStatus.FAILED:
            tell_refused(self.job, ended, again)
        if leaves:
            departures.flying += [
                batch for batch in self.job.open_batches() if batch.input_file == ended.input_file
            ]
        elif again and why_refused(ended.errors) == Reason.NO_ROOM:
            departures.lacked_room(again)
        else:
            departures.goes_on(again)
            if ended.input_file not in again:
                if ended.status != BatchStatus.FAILED:
                    departures.had_room(ended.input_file)
                self.fetching.begin(ended)
        return True

    def _reconsider(self, ended: Batch) -> list[InputFile]:
        may_have_twin = ended.status == BatchStatus.CANCELLED and not self.job.stopped()
        if ended.status != BatchStatus.FAILED and not may_have_twin:
            return []
        again = reconsider_batch(
            self.job, ended, pause_seconds=self.options.poll_seconds, credentials=self.credentials
        )
        self.patience.note("list", is_away=False)
        return again

    def _answer_rest(self) -> None:
        """Where that was asked for: answer at once what the job's time is too short for, and surely never went."""
        deadline = self.job.deadline
        if self.departures.waiting:
            return
        if deadline and deadline.answer_rest and (stopped := self.job.stopped()) and stopped.code == "finish_by":
            self.fetching.settle()  # what fails is raised at the end: now time is short
            answer_rest(self.job_run)
