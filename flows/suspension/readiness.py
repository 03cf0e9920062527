"""Whether a job that waits could go on."""

from collections.abc import Callable, Collection

from ...batch.files.input_files import InputFile
from ...batch.flight.bounds import bounds_of
from ...batch.flight.enqueued import Enqueued
from ...batch.jobs.deadlines import next_deadline
from ...batch.jobs.job import Job
from ...batch.jobs.options import USUAL
from ...batch.jobs.submissions import fetched, refusals, submitted
from ...batch.money.budgets import Spending


def could_go_on(
    job: Job,
    ended: Collection[str],
    now: float,
    look_for_room: Callable[[], Enqueued] = Enqueued,
    in_flight: int = USUAL.in_flight,
) -> bool:
    """Whether a new start of a job would find something to do.

    Args:
        job: A job that nobody is at work on.
        ended: The ids of those of its open batches that have ended at OpenAI.
        now: The time in Unix seconds.
        look_for_room: Gives the tokens in open batches, where they matter; what the job would send is added, and
            so counts for the next job.
        in_flight: How many of its batches may be open at once.
    """
    opened = job.open_batches()
    if any(batch.id in ended for batch in opened):
        return True
    stopped = job.stopped() is not None
    deadline = next_deadline(job.deadline, stopped=stopped)
    if deadline is not None and deadline.timestamp() <= now:
        return True
    unsent = [file for file in job.input_files() if submitted(file) is None and fetched(file) is None]
    if stopped or not unsent:
        return not opened
    return len(opened) < in_flight and _could_send(job, unsent, now, look_for_room, has_open=bool(opened))


def _could_send(
    job: Job, unsent: list[InputFile], now: float, look_for_room: Callable[[], Enqueued], *, has_open: bool
) -> bool:
    """Whether an input file may go now that could not go when the job was left."""
    bounds, seen = bounds_of(job, now), set[str]()
    spending = Spending(job) if has_open else None  # without open batches the job is stopped where it is spent
    for file in unsent:
        not_before, bound = refusals(file).not_before, bounds.of(file.model)
        if file.model in seen or not_before > now:
            continue
        if bound is not None:
            enqueued = look_for_room()
            seen.add(file.model)  # none overtakes a file of its model that lacks room
            if not enqueued.has_room(file, bound):
                continue
            enqueued.add(file)
        elif has_open and not not_before:
            continue
        if spending is None or spending.allows(file):
            return True
    return False
