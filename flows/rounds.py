"""A round: its items built, its batches submitted, waited for and fetched."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from openai import APIStatusError
from prefect import get_run_logger

from ..batch import clock
from ..batch.files.batches import Batch, BatchStatus
from ..batch.files.input_files import InputFile
from ..batch.jobs.deadlines import next_deadline
from ..batch.jobs.job import Job, Selection
from ..batch.jobs.report import JobReport
from ..batch.jobs.rounds import plan_answers, plan_round, stop_if_out_of_quota
from ..batch.jobs.submissions import fetched, gave_way, refusals, submitted
from ..batch.money.budgets import Spending
from ..batch.outcomes.outcome import OUT_OF_QUOTA
from ..batch.outcomes.outcome_files import FetchedOutput
from ..batch.progress import report as report_progress
from ..tasks import (
    adopt_batches,
    answer_items,
    build_items,
    cancel_batch,
    cancel_job,
    fetch_output,
    recognise_table,
    reconsider_batch,
    sensor_options,
    submit_batch,
    wait_for_batches,
)
from .engines.handed import Handed
from .job_run import JobRun
from .suspension.looks import look_once, suspends_at

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

ROOM_LOOK_SECONDS = 1.0
"""While there is no room at OpenAI, a stop is looked for so often."""


def begin_round(job_run: JobRun, number: int, max_rounds: int) -> bool:
    """Build what is to be sent in a round; whether there is such a round."""
    job = job_run.job
    if job.stopped():
        return job.round_folder(number).exists()
    if number > max_rounds and not job.round_folder(number).exists():
        return False
    selections = plan_round(job, number, resumed=job_run.resumed)
    if selections:
        build_round(job_run, selections)
        if job.key_given and not job.round_folder(number).exists("adopted.json"):
            adopt_batches(job, number, credentials=job_run.credentials)
    return bool(selections)


def recognise_job(job_run: JobRun) -> JobReport | None:
    """The report of a job whose own table was found at its destination, where nothing of it is left to be done."""
    job = job_run.job
    if job.found is None:
        return None
    build_round(job_run, plan_round(job))
    report = recognise_table(job, credentials=job_run.credentials)
    if report is None:
        job.without_found()
    else:
        log = get_run_logger()
        log.info("The table at %s is this job's own: nothing was sent or written", job.destination)
        if not report.complete:
            log.warning(
                "The job's folder was lost: rows without an answer go again as another job, with its own key"
            )
    return report


def build_round(job_run: JobRun, selections: Iterable[Selection]) -> None:
    """Build the input files of these selections that are not built yet."""
    report_progress("build", total=sum(selection.rows for selection in selections), done=0)
    unbuilt = [selection for selection in selections if job_run.job.built(selection) is None]
    build = job_run.task(build_items, "round-{parameters[selection].round}/{parameters[selection].name}/built")
    for handed in [Handed(build, selection).telling("build", selection.rows) for selection in unbuilt]:
        handed.result()


def finish_round(job_run: JobRun, number: int) -> bool:
    """Every batch of a round, `in_flight` at once; False where they are waited for elsewhere."""
    if job_run.job.is_synchronous(number):
        answer_round(job_run, number)
        return True
    return Flight(job_run, number).run()


def answer_rest(job_run: JobRun) -> None:
    """Answer at once what is left without an answer, and lies in no open batch, in a round of its own."""
    job = job_run.job
    number = max(job.rounds(), default=0) + 1
    if plan_answers(job, number):
        answer_round(job_run, number)


def answer_round(job_run: JobRun, number: int) -> None:
    """Ask the items of a synchronous round one by one; without a deadline to keep nothing more is asked."""
    build_round(job_run, plan_round(job_run.job, number))
    until = job_run.job.deadline.finish_by if job_run.job.deadline else LONG_AGO
    files = job_run.job.input_files_of(number)
    report_progress("answer", total=sum(file.items for file in files), done=0)
    spending = Spending(job_run.job)
    for file in files:
        allowed = spending.allows(file)
        if not allowed:
            get_run_logger().warning("The budget lets nothing more be answered at once")
        spending.sends(file)
        answer = job_run.task(answer_items, f"round-{number}/{file.name}/fetched")
        deadline = until if allowed else LONG_AGO  # what is recorded already is still taken
        answer(job_run.job, file, deadline=deadline, credentials=job_run.credentials)


class Flight:
    """The input files of a round on their way: those that wait, and the batches that are open."""

    def __init__(self, job_run: JobRun, number: int) -> None:
        self.job_run = job_run
        self.job: Job = job_run.job
        self.options = job_run.options
        self.credentials = job_run.credentials
        self.number = number
        built = self.job.input_files_of(number)
        files = [file for file in built if fetched(file) is None]
        self.waiting = [file for file in files if submitted(file) is None]
        self.flying = [batch for file in files if (batch := submitted(file)) is not None]
        self.fetching: list[Handed[FetchedOutput]] = []
        self.room = self.options.in_flight
        self.cancelled = False
        self.spending = Spending(self.job)
        report_progress("upload", total=sum(file.items for file in self.waiting), done=0)
        items, left = (sum(file.items for file in some) for some in (built, files))
        report_progress("fetch", total=items, done=items - left)

    def run(self) -> bool:
        """Submit, wait and fetch until nothing waits and nothing flies, or the job's time is up.

        Returns:
            False where this process does not wait for what is left.
        """
        waited_for = True
        while waited_for and (self._submit_what_may_go() or self.flying):
            ended = self._wait() if self.flying else []
            for batch in ended:
                self._take(batch)
            self._answer_rest()
            if ended:
                continue
            if self._time_is_up():
                break
            waited_for = self.job_run.waits_here(self._next_deadline())
            if waited_for and not self.flying:
                time.sleep(min(ROOM_LOOK_SECONDS, self.options.poll_seconds))
        for future in self.fetching:
            future.result()
        stop_if_out_of_quota(self.job, self.number)
        return waited_for

    def _submit_what_may_go(self) -> bool:
        """Submit as many as there is room for; whether any still wait."""
        self._keep_deadline()
        while self.waiting and len(self.flying) < self.room:
            if self.job.stopped():
                self.waiting.clear()
                break
            ready = next((file for file in self.waiting if self._may_go(file)), None)
            if ready is None:
                self._stop_if_spent()
                break
            self.waiting.remove(ready)
            self.spending.sends(ready)
            self._submit(ready)
        return bool(self.waiting)

    def _may_go(self, file: InputFile) -> bool:
        return refusals(file).not_before <= clock.now() and self.spending.allows(file)

    def _stop_if_spent(self) -> None:
        """Stop the job where nothing is open any more, and its budget lets none of what waits through."""
        if self.flying:
            return
        for future in self.fetching:
            future.result()  # what was open may have cost less than it could
        if not any(self.spending.allows(file) for file in self.waiting):
            self.spending.stop(self.waiting[0])
            self.waiting.clear()

    def _submit(self, file: InputFile) -> None:
        name = f"round-{file.round}/{file.name}/submitted-{len(refusals(file).batches) + 1}"
        submit = self.job_run.task(submit_batch, name)
        try:
            batch = submit(file, credentials=self.credentials, settle_seconds=self.options.settle_seconds)
        except APIStatusError as error:
            if error.code not in OUT_OF_QUOTA:
                raise
            self.job.stop("insufficient_quota", error.message)
        else:
            self.flying.append(batch)
            stopped = self.job.stopped()
            if (
                stopped and stopped.cancels
            ):  # while it was created, so that whoever stopped the job did not know it
                cancel_batch(batch.id, credentials=self.credentials)

    def _wait(self) -> list[Batch]:
        deadline = self._next_deadline()
        if not self.job_run.waits_here(deadline):
            deadline = suspends_at(self.flying, clock.now())
            if self.options.wait == "detach" or deadline.timestamp() <= clock.now():
                return look_once(self.flying, credentials=self.credentials)
        oldest = min((batch.created_at or 0) for batch in self.flying)
        options = sensor_options(
            oldest,
            poll_seconds=self.options.poll_seconds,
            max_poll_seconds=self.options.max_poll_seconds,
            deadline=deadline,
        )
        sensor = wait_for_batches.with_options(**options)
        return sensor(self.flying, credentials=self.credentials, deadline=deadline)

    def _next_deadline(self) -> datetime | None:
        return next_deadline(self.job.deadline, stopped=self.job.stopped() is not None)

    def _take(self, ended: Batch) -> None:
        """Fetch what a batch gave, or send again what it did not take."""
        self.flying = [batch for batch in self.flying if batch.id != ended.id]
        if gave_way(ended):
            self.flying += [batch for batch in self.job.open_batches() if batch.input_file == ended.input_file]
            return
        again = self._reconsider(ended)
        self.waiting += again
        if any(file == ended.input_file for file in again):
            self.room = max(1, len(self.flying))
            return
        self.room = min(self.room + 1, self.options.in_flight)
        self._fetch(ended)

    def _reconsider(self, ended: Batch) -> list[InputFile]:
        may_have_twin = ended.status == BatchStatus.CANCELLED and not self.job.stopped()
        if ended.status != BatchStatus.FAILED and not may_have_twin:
            return []
        return reconsider_batch(
            self.job, ended, pause_seconds=self.options.poll_seconds, credentials=self.credentials
        )

    def _fetch(self, ended: Batch) -> None:
        name = "round-{parameters[batch].input_file.round}/{parameters[batch].input_file.name}/fetched"
        fetch = self.job_run.task(fetch_output, name)
        keep, answer = self.job.request.keep_response, self.job.request.answer_type
        handed = Handed(fetch, ended, keep_response=keep, answer=answer, credentials=self.credentials)
        items = ended.input_file.items if ended.input_file else 0
        self.fetching.append(handed.telling("fetch", items))

    def _keep_deadline(self) -> None:
        """Cancel what is open when the time for it has come; a new start does so again, to be sure."""
        deadline = self.job.deadline
        if deadline and clock.now() >= deadline.cancel_at.timestamp() and not self.cancelled:
            self.job.stop("finish_by", f"The job had to be done by {deadline.finish_by.isoformat()}.")
            cancel_job(self.job, settle_seconds=self.options.settle_seconds, credentials=self.credentials)
            self.cancelled = True
            self._answer_rest()

    def _answer_rest(self) -> None:
        """Where that was asked for: answer at once what the job's time is too short for."""
        deadline, stopped = self.job.deadline, self.job.stopped()
        if deadline and deadline.answer_rest and stopped and stopped.code == "finish_by":
            for future in self.fetching:
                future.result()
            answer_rest(self.job_run)

    def _time_is_up(self) -> bool:
        deadline = self.job.deadline
        return deadline is not None and clock.now() >= deadline.finish_by.timestamp()
