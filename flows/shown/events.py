"""Events in Prefect's feed of what becomes of batches and jobs, for automations to act on.

event                                        about                                payload
prefect-openai-batch.batch.submitted         prefect-openai-batch.batch.<id>      job_key, input_file, items, model
prefect-openai-batch.batch.completed,        the same                             the same, and status, outcomes,
.failed, .expired, .cancelled                                                     goes_again, cost_usd, why
prefect-openai-batch.job.finished            prefect-openai-batch.job.<job key>   job_key, state, rows, answered,
                                                                                  outcomes, cost_usd, destination,
                                                                                  stopped

Each has the job among its related resources; Prefect adds the flow run, its flow, deployment and tags. What a
record says is done is not told again. A process that is killed between the record and the event leaves the event
out; one that is killed between the event and the record tells it again with the same id, which counts once.
"""

from collections.abc import Callable
from contextvars import copy_context
from datetime import datetime
from functools import partial
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

from prefect import get_run_logger
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import emit_event

from ...batch.files.batches import Batch
from ...batch.jobs.job import Job
from ...batch.jobs.report import JobReport
from ...batch.urls import without_secrets

PREFIX = "prefect-openai-batch"

End = Literal["completed", "failed", "expired", "cancelled"]
Fact = Literal["submitted"] | End

LONGEST_REASON = 500
"""Characters of OpenAI's words for a refusal."""


def emit_batch(fact: Fact, job: Job, batch: Batch, **told: Any) -> None:
    """Say that a batch of a job was submitted, or how it ended.

    Args:
        fact: What has become of it.
        job: The job.
        batch: The batch.
        told: What more the payload says.
    """
    file = batch.input_file
    payload = {
        "job_key": job.key,
        "input_file": file.name if file else None,
        "items": file.items if file else None,
        "model": file.model if file else batch.model,
        **told,
    }
    resource = {"prefect.resource.id": f"{PREFIX}.batch.{batch.id}", "prefect.resource.name": batch.id}
    _emit(f"{PREFIX}.batch.{fact}", resource, payload, job, batch.id)


def emit_end(job: Job, report: JobReport, state: str) -> None:
    """Say that a job is finished, and the name of the state in which its run ends."""
    bill = report.bill
    payload = {
        "job_key": job.key,
        "state": state,
        "rows": report.rows,
        "answered": report.answered,
        "outcomes": report.outcomes,
        "cost_usd": None if bill is None or bill.cost_usd is None else float(bill.cost_usd),
        "destination": without_secrets(report.destination),
        "stopped": report.stopped,
    }
    _emit(f"{PREFIX}.job.finished", _job(job), payload, job, str(report.finished_at))


def why(batch: Batch) -> str | None:
    """What OpenAI's validation said of a batch, where it failed."""
    return batch.why_failed[:LONGEST_REASON] if batch.status == "failed" else None


def event_id(event: str, job_key: str, opened_at: datetime, subject: str) -> UUID:
    """The id of an event, the same whenever it is told."""
    return uuid5(NAMESPACE_URL, "/".join((event, job_key, opened_at.isoformat(), subject)))


def _job(job: Job) -> dict[str, str]:
    return {"prefect.resource.id": f"{PREFIX}.job.{job.key}", "prefect.resource.name": job.key}


def _emit(event: str, resource: dict[str, str], payload: dict[str, Any], job: Job, subject: str) -> None:
    """Hand an event to Prefect's own thread for them; that it cannot be is no reason to stop."""
    related = [] if resource == _job(job) else [{**_job(job), "prefect.resource.role": "openai-batch-job"}]
    id_ = event_id(event, job.key, job.opened_at, subject)
    told = partial(emit_event, event, resource, related=related, payload=payload, id=id_)
    try:
        copy_context().run(_by_the_flow_run, told)
    except Exception:
        get_run_logger().debug("The event %s could not be emitted", event, exc_info=True)


def _by_the_flow_run(emit: Callable[[], object]) -> None:
    """Emit an event of the flow run around it, and of no task run.

    Prefect's thread for events takes of the emitter's context what is set there. What is not, it has of the task
    run in which it was started: the first of all, and maybe another flow's.
    """
    run = FlowRunContext.get()
    FlowRunContext.__var__.set(run)  # type: ignore[arg-type]  # None: as if there were none
    TaskRunContext.__var__.set(None if run else TaskRunContext.get())  # type: ignore[arg-type]
    emit()
