"""How the tasks of a job are called."""

from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, TypeVar

from prefect.tasks import Task

from ..batch.deadlines import Deadline
from ..batch.jobs import Job

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Calls:
    """A job, and how its tasks are called.

    `deadline` is the job's, where this run is to keep it; `resumed` lets rows go again that were cancelled.
    """

    job: Job
    credentials: str | None
    in_flight: int
    poll_seconds: float
    max_poll_seconds: float
    settle_seconds: float
    deadline: Deadline | None = None
    resumed: bool = False

    def task(self, task: Task[P, R], result_name: str) -> Task[P, R]:
        """The task with its result under a readable key, made of this job and never of the flow run."""
        opened = self.job.opened_at.strftime("%Y%m%dT%H%M%S.%f")
        return task.with_options(
            result_storage_key=f"openai-batch/{self.job.key}/{opened}/{result_name}.json",
        )

    def next_deadline(self, *, stopped: bool) -> datetime | None:
        """When a wait is to end: when cancelling begins, or, once the job is stopped, when it has to be done."""
        if self.deadline is None:
            return None
        return self.deadline.finish_by if stopped else self.deadline.cancel_at
