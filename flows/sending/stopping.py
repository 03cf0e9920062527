"""The end of a job that is stopped, or whose time is up."""

from datetime import datetime

from openai import APIError
from prefect import get_run_logger

from ...batch import clock
from ...batch.jobs.deadlines import next_deadline
from ...batch.jobs.stops import Stop, note_cancelling
from ...tasks import cancel_job
from ...tasks.remote.tries import kind_of, may_pass
from ..job_run import JobRun


class Stopping:
    """Stops a job when its time has come, and cancels what is open of one whose stop asks for that.

    Whoever stops a job cancels its batches, as far as that gets through; whoever waits for them does so again, to
    be sure.

    Attributes:
        again_at: When to cancel again what could not be cancelled, in Unix seconds; None where nothing is left.
    """

    def __init__(self, job_run: JobRun) -> None:
        self.again_at: float | None = None
        self._job, self._options, self._credentials = job_run.job, job_run.options, job_run.credentials
        self._has_come = self._is_cancelled = False
        self._failing_since: float | None = None

    def keep_deadline(self) -> bool:
        """Stop the job when the time for that has come; whether it has come just now."""
        deadline = self._job.deadline
        if deadline is None or self._has_come or clock.now() < deadline.cancel_at.timestamp():
            return False
        self._job.stop("finish_by", f"The job had to be done by {deadline.finish_by.isoformat()}.")
        get_run_logger().info("The job is to be done by %s: what is open is cancelled", deadline.finish_by)
        self._has_come = True
        return True

    def note_opened(self) -> None:
        """Note that a batch was created: whoever stopped the job meanwhile did not know it."""
        self._is_cancelled = False

    def cancel_open(self) -> None:
        """Cancel what is open, where that is asked for and not done; what OpenAI does not cancel, later again.

        Raises:
            BatchUnknown: the batches are another account's.
            APIError: OpenAI does not cancel them, and nobody waits to try again.
        """
        stopped = self._job.stopped()
        if stopped is None or not stopped.cancels:  # also where somebody has taken the stop back
            self.again_at = None
        elif not self._is_cancelled and clock.now() >= (self.again_at or 0):
            self._cancel(stopped)

    def _cancel(self, stopped: Stop) -> None:
        leaves = self._options.wait == "detach"
        try:
            cancel_job(
                self._job,
                settle_seconds=self._options.settle_seconds,
                credentials=self._credentials,
                again=leaves,
            )
        except Exception as error:
            if leaves or not (may_pass(error) or isinstance(error, APIError)):
                raise
            now = clock.now()
            self._failing_since = self._failing_since or now
            self.again_at = now + self._options.pauses.after(now - self._failing_since)
            note_cancelling(self._job.files, stopped, now + self._options.max_poll_seconds)
            get_run_logger().warning("What is open is not all cancelled yet: %s, tried again", kind_of(error))
        else:
            if self._failing_since is not None or self._options.wait == "suspend":
                note_cancelling(self._job.files, stopped, None)
            self._is_cancelled, self.again_at, self._failing_since = True, None, None

    def next_deadline(self) -> datetime | None:
        """When something is to be done next, whatever becomes of the batches."""
        deadline = self._job.deadline
        return None if deadline is None else next_deadline(deadline, cancelled=self._cancels())

    def time_is_up(self) -> bool:
        """Whether the job had to be done by now."""
        deadline = self._job.deadline
        return deadline is not None and clock.now() >= deadline.finish_by.timestamp()

    def _cancels(self) -> bool:
        """Whether open batches are to be cancelled: whatever else had stopped a job, at its deadline too."""
        stopped = self._job.stopped()
        return self._has_come or (stopped is not None and stopped.cancels)
