"""Whether a job that waits could go on."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from ...batch import clock
from ...batch.files.batches import Batch
from ...batch.files.input_files import InputFile
from ...batch.flight.bounds import Bounds, bounds_of
from ...batch.flight.enqueued import Enqueued
from ...batch.jobs.deadlines import next_deadline
from ...batch.jobs.job import Job
from ...batch.jobs.options import USUAL
from ...batch.jobs.rounds import whereabouts
from ...batch.jobs.stops import is_to_cancel
from ...batch.jobs.submissions import refusals
from ...batch.money.budgets import Spending
from .checks import AWAKE_SECONDS


@dataclass(frozen=True)
class Standing:
    """How a job stands that nobody is at work on.

    Attributes:
        job: The job.
        opened: Its batches whose output is still to be fetched.
        unsent: Its input files without a batch.
        bounds: What bounds its models' tokens in open batches.
        stopped: Whether nothing more of it is sent.
        cancelled: Whether its open batches were cancelled; what has stopped it otherwise lets them run on.
        to_cancel: Whether OpenAI has not cancelled all of them, and is to be asked again by now.
    """

    job: Job
    opened: list[Batch]
    unsent: list[InputFile]
    bounds: Bounds
    stopped: bool
    cancelled: bool = False
    to_cancel: bool = False


def read_standing(job: Job) -> Standing:
    """How a job stands by its records."""
    where, stopped = whereabouts(job), job.stopped()
    return Standing(
        job,
        opened=where.opened,
        unsent=where.unsent,
        bounds=bounds_of(job, where, clock.now()),
        stopped=stopped is not None,
        cancelled=stopped is not None and stopped.cancels,
        to_cancel=bool(where.opened and stopped and is_to_cancel(job.files, stopped, clock.now())),
    )


def could_go_on(
    standing: Standing,
    ended: Collection[str],
    now: float,
    look_for_room: Callable[[], Enqueued | None] = Enqueued,
    in_flight: int = USUAL.in_flight,
) -> bool:
    """Whether a new start of a job would find something to do.

    Args:
        standing: How the job stands.
        ended: The ids of those of its open batches that have ended at OpenAI.
        now: The time in Unix seconds.
        look_for_room: Gives the tokens in open batches, where they matter, or None where nobody can tell; what the
            job would send is added, and so counts for the next job.
        in_flight: How many of its batches may be open at once.
    """
    if standing.to_cancel or any(batch.id in ended for batch in standing.opened):
        return True
    deadline = next_deadline(standing.job.deadline, cancelled=standing.cancelled)
    if deadline is not None and deadline.timestamp() <= now + AWAKE_SECONDS:  # it stays awake then
        return True
    if standing.stopped or not standing.unsent:
        return not standing.opened
    return len(standing.opened) < in_flight and _could_send(standing, now, look_for_room)


def _could_send(standing: Standing, now: float, look_for_room: Callable[[], Enqueued | None]) -> bool:
    """Whether an input file may go now that could not go when the job was left."""
    has_open, bounds, seen = bool(standing.opened), standing.bounds, set[str]()
    # without open batches the job is stopped where it is spent
    spending = Spending(standing.job) if has_open else None
    for file in standing.unsent:
        not_before, bound = refusals(file).not_before, bounds.for_file(file)
        if file.model in seen or max(not_before, bounds.closed_until(file.model)) > now:
            continue
        if bound is not None:
            enqueued = look_for_room()
            seen.add(file.model)  # none overtakes a file of its model that lacks room
            if enqueued is None or not enqueued.has_room(file, bound):
                continue
            if enqueued.is_fair(file, bound):  # else others go first
                enqueued.add(file)
        elif has_open and not not_before and not _goes_unasked(file, bounds):
            continue
        if spending is None or spending.allows(file):
            return True
    return False


def _goes_unasked(file: InputFile, bounds: Bounds) -> bool:
    """Whether a file that waits for no room may go although its job has open batches."""
    return bounds.is_judged_at_once(file) or bounds.is_followed(file.model)
