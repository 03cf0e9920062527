"""Leave a job whose batches are waited for elsewhere: suspended, or to whoever takes it up again."""

from prefect.client.schemas.objects import State
from prefect.states import Completed

from ...batch import clock
from ...batch.jobs.job import Job
from ...batch.jobs.options import Wait
from ...batch.jobs.report import JobReport
from ...batch.jobs.results import report_open_job
from ..runs import storage_of, way_on
from .looks import suspend_for_look, waited


def leave(job: Job, wait: Wait) -> State[JobReport]:
    """Suspend this run, or end it as Submitted, with a report of what is open.

    Raises:
        Pause: the run is suspended, and its process ends.
    """
    if wait == "suspend":
        suspend_for_look(waited(job.open_batches(), job.opened_at.timestamp(), clock.now()))
    report = report_open_job(job)
    return Completed(
        name="Submitted",
        message=f"Open batches: {len(report.open_batches)}. To go on: {way_on(job.key, storage_of(job))}.",
        data=report,
    )
