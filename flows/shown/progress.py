"""A job's progress while it runs, in its log and its artifact: while it changes, not at each look."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from prefect.context import FlowRunContext
from prefect.logging.loggers import flow_run_logger

from ...batch import clock
from ...batch.jobs.job import Job
from ...batch.progress import Progress, observed_by
from ...tasks.shown.log_lines import lower_lines_of
from .batch_log import batch_log_told
from .progress_artifact import ProgressArtifact
from .so_far import SoFar

SECONDS_BETWEEN_LINES = 60.0
"""A change is told after so long at the latest, at once where a batch changes its status."""

SHARE_BETWEEN_LINES = 0.1
"""Or when so much more of the job is done, and some seconds have passed."""

FEWEST_SECONDS_BETWEEN_LINES = 10.0

OPEN = ("validating", "in_progress", "finalizing", "cancelling")
"""Statuses of batches that are waited for; the end of one is told by itself."""


@contextmanager
def shown_progress(job: Job) -> Iterator[ProgressArtifact]:
    """Tell the progress of what runs in the block, in place of Prefect's lines of each task."""
    context = FlowRunContext.get()
    if context is not None and context.flow is not None:
        lower_lines_of(context.flow.name)
    artifact = ProgressArtifact(job)
    with observed_by(_Teller(job, artifact).hear), batch_log_told():
        yield artifact


class _Teller:
    def __init__(self, job: Job, artifact: ProgressArtifact) -> None:
        self.job = job
        self.artifact = artifact
        self.context = FlowRunContext.get()  # the log is the flow's, also where a task's thread tells
        self.so_far = SoFar()
        self.told = self.shown = (-1, "")
        self.told_share = -inf
        self.told_at = self.shown_at = -inf

    def hear(self, news: Progress) -> None:
        if not self.so_far.hear(news):
            return
        if not self.so_far.rows:
            rows = self.job.rows()
            self.so_far.rows = rows.rows if rows else 0
        now, state = clock.now(), (self.so_far.done, self.so_far.statuses)
        if self._is_news(now, state):
            self.told, self.told_at, self.told_share = state, now, self.so_far.share
            if self.context is not None:
                flow_run_logger(self.context.flow_run, self.context.flow).info("Waiting: %s", str(self.so_far))
        if state != self.shown or now - self.shown_at >= SECONDS_BETWEEN_LINES:
            self.shown, self.shown_at = state, now
            self.artifact.show(self.so_far, now)

    def _is_news(self, now: float, state: tuple[int, str]) -> bool:
        if state == self.told or not any(status in state[1] for status in OPEN):
            return False
        passed, more = now - self.told_at, self.so_far.share - self.told_share
        has_grown = more >= SHARE_BETWEEN_LINES and passed >= FEWEST_SECONDS_BETWEEN_LINES
        return state[1] != self.told[1] or has_grown or passed >= SECONDS_BETWEEN_LINES
