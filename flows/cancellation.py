"""What becomes of a job when its flow run is cancelled in Prefect: stopped, cancelled at OpenAI, collected.

Prefect also cancels a run whose deployment is gone, or has no slot for it: nobody wanted that of its job, which is
taken up by another. A run that was cancelled before it began has no job: another one's may have the same key.
"""

import logging
from collections.abc import Mapping
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.logging.loggers import flow_run_logger

from ..batch.files.batches import Batch
from ..batch.jobs.job import Job
from ..batch.jobs.options import Wait
from ..batch.jobs.report import command_for
from ..blocks.prefect_calls import at_once
from ..tasks import cancel_job
from .runs import RESUMER, credentials_of, has_begun, job_of, options_of, parameters_of
from .shown.progress_artifact import ProgressArtifact

Log = logging.Logger | logging.LoggerAdapter[Any]
"""What Prefect logs with, in a flow run and for one."""

COLLECTOR = "openai-batch-collect/collect"
"""The deployment of `collect_job` that ends a cancelled job."""


def cancel_open_batches(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001  # Prefect gives it
    """Prefect's hook: send nothing more, cancel what is open at OpenAI, and have the rest collected.

    It runs in the worker's process, also when the flow run's own is gone. What a batch has finished is paid for:
    the deployment of `collect_job` fetches it when OpenAI has ended the batch, ten minutes or more later.
    """
    end_cancelled_job(flow_run, flow_run_logger(flow_run, flow))


def end_cancelled_job(flow_run: FlowRun, log: Log) -> bool:
    """Stop the job of a cancelled run, cancel its open batches, start its collector.

    Returns:
        Whether there was anything to end: a run that never began, no job, or one that is done, has none.

    Raises:
        AccessError: the account that the form's run was started with is there no more, so nobody can ask OpenAI.
    """
    job = _job_at_work(flow_run)
    if job is None:
        return False
    job.stop("cancelled", "The flow run was cancelled before this row was sent.")
    credentials = credentials_of(flow_run)
    try:
        cancelled = cancel_job.fn(job, credentials=credentials)
        log.info("Cancelled at OpenAI: %s", ", ".join(batch.id for batch in cancelled) or "no batch was open")
        _show(job, cancelled, log)
    except Exception:
        log.exception("The batches could not be cancelled from here; who collects the job tries again.")
    _collect(job, flow_run, log)
    return True


def go_on_by_another(flow_run: FlowRun, log: Log) -> bool:
    """Have the job of a run that Prefect itself cancelled taken up by another; one that was stopped is collected.

    Returns:
        Whether there was anything to go on with: a run that never began, no job, or one that is done, has none.
    """
    job = _job_at_work(flow_run)
    if job is None:
        return False
    if job.stopped() is not None:  # somebody wanted nothing more to be sent, and that stands
        _collect(job, flow_run, log)
        return True
    options = {"wait": _kept_wait(flow_run), "in_flight": options_of(flow_run).in_flight}
    _start(RESUMER, options, job, flow_run, log, by_hand=f"run {command_for('resume', job.folder)} to go on")
    return True


def _job_at_work(flow_run: FlowRun) -> Job | None:
    """The unfinished job that a run had in hand; None of one that never began, whatever other has its key."""
    job = job_of(flow_run)
    return job if job is not None and job.report() is None and has_begun(flow_run.id) else None


def _show(job: Job, cancelled: list[Batch], log: Log) -> None:
    """That the progress cannot be shown is no reason to stop."""
    try:
        ProgressArtifact(job).show_cancelled(cancelled)
    except Exception:
        log.debug("The progress could not be shown", exc_info=True)


def _collect(job: Job, flow_run: FlowRun, log: Log) -> None:
    command = command_for("resume", job.folder, "--collect-only")
    by_hand = f"run {command} in ten minutes or more to fetch what the cancelled batches have finished"
    _start(COLLECTOR, {"wait": _kept_wait(flow_run)}, job, flow_run, log, by_hand=by_hand)


def _kept_wait(flow_run: FlowRun) -> Wait:
    """Where the run waits that takes its job over: where it did, or in its own process."""
    return "suspend" if options_of(flow_run).wait == "suspend" else "sensor"


def _start(
    deployment: str, options: Mapping[str, object], job: Job, flow_run: FlowRun, log: Log, *, by_hand: str
) -> None:
    """Have a deployment of ours take a run's job over; where it is not there, say what to do by hand."""
    try:
        at_once(
            run_deployment,
            deployment,
            parameters={**parameters_of(job, credentials_of(flow_run)), "options": options},
            timeout=0,
            job_variables=flow_run.job_variables,
            as_subflow=False,
        )
    except ObjectNotFound:
        log.warning("There is no deployment %s: %s.", deployment, by_hand)
