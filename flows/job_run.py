"""One run of a job: what it wishes, and how its tasks are called."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import ParamSpec, TypeVar

from prefect.tasks import Task

from ..batch.jobs.job import Job
from ..batch.jobs.options import RunOptions
from ..blocks import load_credentials
from .suspension.checks import waits_here

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class JobRun:
    """A job with the options of one run of it.

    `resumed` lets rows go again that were cancelled.
    """

    job: Job
    options: RunOptions
    credentials: str | None
    resumed: bool = False

    def on_its_terms(self) -> "JobRun":
        """The same, with what this run and its credentials say of budget and prices kept by the job.

        Raises:
            AccessError: there is no such credentials block.
            BudgetError: output has a price and input has none.
        """
        known = load_credentials(self.credentials).prices if self.credentials else ()
        return replace(self, job=self.job.with_terms(self.options.terms(known)))

    def task(self, task: Task[P, R], result_name: str) -> Task[P, R]:
        """The task with its result under a readable key, made of this job and never of the flow run."""
        opened = self.job.opened_at.strftime("%Y%m%dT%H%M%S.%f")
        return task.with_options(
            result_storage_key=f"openai-batch/{self.job.key}/{opened}/{result_name}.json",
        )

    def waits_here(self, until: datetime | None) -> bool:
        """Whether this process waits itself, given the next deadline."""
        return waits_here(self.options.wait, until)
