"""How the tasks of a job are called."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from prefect.tasks import Task

from ..batch import clock
from ..batch.files.batches import Batch
from ..batch.jobs.deadlines import Deadline
from ..batch.jobs.job import Job
from ..tasks import wait_for_batches
from ..tasks.wait import LOOK_ONCE
from .suspension.check import AWAKE_SECONDS, Wait

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Calls:
    """A job, and how its tasks are called.

    `deadline` is the job's, where this run is to keep it; `resumed` lets rows go again that were cancelled; `wait`
    says where the run waits for its batches.
    """

    job: Job
    credentials: str | None
    in_flight: int
    poll_seconds: float
    max_poll_seconds: float
    settle_seconds: float
    deadline: Deadline | None = None
    resumed: bool = False
    wait: Wait = "sensor"

    def task(self, task: Task[P, R], result_name: str) -> Task[P, R]:
        """The task with its result under a readable key, made of this job and never of the flow run."""
        opened = self.job.opened_at.strftime("%Y%m%dT%H%M%S.%f")
        return task.with_options(
            result_storage_key=f"openai-batch/{self.job.key}/{opened}/{result_name}.json",
        )

    def stays(self, until: datetime | None) -> bool:
        """Whether this process waits itself, given the next deadline."""
        near = until is not None and until.timestamp() - clock.now() < AWAKE_SECONDS
        return self.wait == "sensor" or (self.wait == "suspend" and near)


def look_once(batches: list[Batch], *, credentials: str | None) -> list[Batch]:
    """The batches that have ended, by one look that waits for none."""
    look = wait_for_batches.with_options(**LOOK_ONCE)
    return look(batches, credentials=credentials, deadline=datetime.fromtimestamp(clock.now(), UTC))
