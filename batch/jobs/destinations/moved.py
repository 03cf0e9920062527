"""A job that was begun before, with its table going elsewhere."""

from typing import Any

from ...errors import DestinationError
from ...storage.locations import absolute
from ...tables.sql.sql_destination import SqlDestination
from ..job import Job
from ..opening import check_place
from ..report import REPORT
from ..results import rehearse_results


def keep_destination(job: Job, destination: SqlDestination | str | None) -> Job:
    """A job that was begun before, with its table going elsewhere, where that is asked for and can be.

    Raises:
        DestinationError: it exists, or the job's table cannot be written to it.
    """
    if not destination or not goes_elsewhere(job, destination):
        return job
    if job.found is not None and job.files.exists(REPORT):
        raise DestinationError(
            f"The answers of the job {job.key!r} stand in its table alone, {job.table}: copy that.",
            path=str(destination),
        )
    moved = job.model_copy(update=_moved(job, destination))
    check_place(moved, "refuse")
    rows = job.rows()
    if rows is not None:
        rehearse_results(moved, rows)
    return job.with_destination(moved.destination, moved.into)


def goes_elsewhere(job: Job, destination: SqlDestination | str) -> bool:
    """Whether a destination is another than the job's own."""
    moved = _moved(job, destination)
    return (moved["destination"], moved["into"]) != (job.destination, job.into)


def _moved(job: Job, destination: SqlDestination | str) -> dict[str, Any]:
    if isinstance(destination, str):
        return {"destination": absolute(destination), "into": None}
    return {"destination": job.own_destination, "into": destination}
