"""Leave a job whose batches are waited for elsewhere: suspended, or to whoever takes it up again."""

from collections.abc import Sequence
from datetime import UTC, datetime

from prefect.client.schemas.objects import State
from prefect.states import Completed

from ...batch import clock
from ...batch.files.batches import Batch
from ...batch.jobs.job import Job
from ...batch.jobs.options import Wait
from ...batch.jobs.report import JobReport
from ...batch.jobs.results import report_open_job
from ..runs import way_on
from .looks import suspend_for_look, waited


def awaited(job: Job, opened: Sequence[Batch], now: float) -> str:
    """What a job waits for, in a sentence: its open batches, or room for more."""
    looked = f"{datetime.fromtimestamp(now, UTC):%H:%M} UTC"
    if not opened:
        return f"Waits for room at OpenAI, looked for at {looked}."
    return f"Waits for {len(opened)} of {len(job.batches())} batches, looked at {looked}."


def leave(job: Job, wait: Wait, credentials: str | None) -> State[JobReport]:
    """Suspend this run, or end it as Submitted, with a report of what is open.

    Raises:
        Pause: the run is suspended, and its process ends.
    """
    if wait == "suspend":
        opened = job.open_batches()
        suspend_for_look(waited(opened, job.opened_at.timestamp(), now := clock.now()), awaited(job, opened, now))
    report = report_open_job(job)
    return Completed(
        name="Submitted",
        message=f"Open batches: {len(report.open_batches)}. To go on: {way_on(job, credentials)}.",
        data=report,
    )
