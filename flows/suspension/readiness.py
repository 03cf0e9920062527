"""Whether a job that waits could go on."""

from collections.abc import Collection

from ...batch.jobs.deadlines import next_deadline
from ...batch.jobs.job import Job
from ...batch.jobs.submissions import fetched, refusals, submitted


def could_go_on(job: Job, ended: Collection[str], now: float) -> bool:
    """Whether a new start of a job would find something to do.

    Args:
        job: A job that nobody is at work on.
        ended: The ids of those of its open batches that have ended at OpenAI.
        now: The time in Unix seconds.
    """
    opened = job.open_batches()
    if any(batch.id in ended for batch in opened):
        return True
    deadline = next_deadline(job.deadline, stopped=job.stopped() is not None)
    if deadline is not None and deadline.timestamp() <= now:
        return True
    unsent = [refusals(file) for file in job.input_files() if submitted(file) is None and fetched(file) is None]
    if opened:
        return any(0 < refused.not_before <= now for refused in unsent)
    return not unsent or any(refused.not_before <= now for refused in unsent)
