"""The flow: a table in, the same table with answers out."""

from collections import deque
from dataclasses import dataclass
from typing import Annotated, Any, ParamSpec, TypeVar

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.tasks import Task
from pydantic import Field

from ..batch.batches import Batch
from ..batch.errors import AccessError, BatchFailed, Refused
from ..batch.input_files import InputFile
from ..batch.jobs import IfExists, Job, fetched, open_job, submitted
from ..batch.outcome_files import FetchedOutput
from ..batch.progress import report as report_progress
from ..batch.reports import JobReport
from ..batch.requests import Request, RequestParameter
from ..batch.rounds import plan_round
from ..batch.tables.sources import FileSource
from ..tasks import (
    adopt_batches,
    build_items,
    check_access,
    clean_up,
    fetch_output,
    read_source,
    sensor_options,
    submit_batch,
    wait_for_batches,
    write_results,
)
from ..tasks.creation import SETTLE_SECONDS
from ..tasks.wait import MAX_POLL_SECONDS, POLL_SECONDS
from .defaults import default_job_key, default_storage, with_schedule

P = ParamSpec("P")
R = TypeVar("R")

WORKERS = 4
"""Builds and fetches at once in one process; each holds a few row groups."""

TASK_RUNNER: TaskRunner[PrefectFuture[Any]] = ThreadPoolTaskRunner(  # type: ignore[assignment]  # invariant
    max_workers=WORKERS
)


@flow(
    name="openai-batch",
    persist_result=True,
    result_serializer="json",
    task_runner=TASK_RUNNER,
)
def openai_batch(
    source: Annotated[
        FileSource | str,
        Field(title="Source", description="The table: a path or URL of CSV, Parquet or JSONL."),
    ],
    request: Annotated[
        RequestParameter,
        Field(title="Request", description="How a row becomes an item, or the path or URL of a request file."),
    ],
    destination: Annotated[
        str | None,
        Field(title="Destination", description="A path or URL for the results; empty: in the job folder."),
    ] = None,
    *,
    job_key: str | None = None,
    storage: str | None = None,
    credentials: str | None = None,
    if_exists: IfExists = "refuse",
    in_flight: Annotated[int, Field(ge=1)] = 20,
    max_rounds: Annotated[int, Field(ge=1)] = 3,
    settle_seconds: Annotated[float, Field(ge=0)] = SETTLE_SECONDS,
    min_answered: Annotated[float, Field(ge=0, le=1)] = 0.0,
    poll_seconds: Annotated[float, Field(gt=0)] = POLL_SECONDS,
    max_poll_seconds: Annotated[float, Field(gt=0)] = MAX_POLL_SECONDS,
    source_digest: str | None = None,
) -> JobReport:
    """A table in, the same table with answers out, by OpenAI's Batch API.

    Args:
        source: The table: a path or URL of CSV, Parquet or JSONL.
        request: How a row becomes an item, or the path or URL of a request file.
        destination: A path or URL for the results, whose ending names the format; empty: in the job folder.
        job_key: Names the job: the same key continues the same job. May hold {scheduled:%Y-%m-%d}.
        storage: The folder or URL that holds the job folders; every worker must reach it.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        if_exists: What to do when the destination exists.
        in_flight: Batches at OpenAI at once.
        max_rounds: How often a row may be sent: rows that failed in passing go again, alone.
        settle_seconds: How long to look for a batch whose creation got no answer, before creating it again.
        min_answered: The share of rows, from 0 to 1, below which the run counts as failed.
        poll_seconds: The shortest time between two looks at the batches, in seconds.
        max_poll_seconds: The longest; looks come less often as a batch grows older.
        source_digest: A digest of the source's content; another one under the same key is refused.

    Returns:
        What became of the rows. The run's state is named Partial where some have no answer.

    Raises:
        Refused: the input cannot be used; nothing was sent, nothing paid.
        AccessError: OpenAI refuses the key, or cannot be reached.
        BatchFailed: OpenAI's validation refused every batch.
    """
    job = open_job(
        source.model_copy(update={"path": with_schedule(source.path)})
        if isinstance(source, FileSource)
        else with_schedule(source),
        request,
        with_schedule(destination) if destination else None,
        job_key=with_schedule(job_key) if job_key else default_job_key(),
        storage=storage or default_storage(),
        if_exists=if_exists,
        source_digest=source_digest,
        key_given=job_key is not None,
    )
    report = job.report()
    if report is None:
        calls = Calls(job, credentials, in_flight, poll_seconds, max_poll_seconds, settle_seconds)
        report = run_job(calls, max_rounds)
    return end_state(report, min_answered)  # type: ignore[return-value]  # Prefect gives the state's data


@dataclass(frozen=True)
class Calls:
    """A job, and how its tasks are called."""

    job: Job
    credentials: str | None
    in_flight: int
    poll_seconds: float
    max_poll_seconds: float
    settle_seconds: float

    def task(self, task: Task[P, R], result_name: str) -> Task[P, R]:
        """The task with its result under a readable key, made of this job and never of the flow run."""
        opened = self.job.opened_at.strftime("%Y%m%dT%H%M%S.%f")
        return task.with_options(
            result_storage_key=f"openai-batch/{self.job.key}/{opened}/{result_name}.json",
        )


def run_job(calls: Calls, max_rounds: int) -> JobReport:
    """Every step of a job that its records do not show as done."""
    job = calls.job
    try:
        rows = job.rows()
        if rows is None:
            check_access(_model(job.request), credentials=calls.credentials)
            rows = calls.task(read_source, "rows")(job)
        for number in range(1, max_rounds + 1):
            selections = plan_round(job, number)
            if not selections:
                break
            files = build_round(calls, selections)
            if job.key_given and not job.round_folder(number).exists("adopted.json"):
                adopt_batches(job, number, credentials=calls.credentials)
            finish_round(calls, files)
    except (Refused, AccessError):
        if not job.has_sent():
            job.files.remove()  # so that a corrected command may use the key
        raise
    _refuse_if_all_failed(calls)
    report = calls.task(write_results, "report")(job)  # durable first …
    clean_up(job, credentials=calls.credentials)  # … then the remote files go
    return report


def _model(request: Request) -> str | None:
    model = request.body_template().get("model")
    return model if isinstance(model, str) else None


def build_round(calls: Calls, selections: tuple[Any, ...]) -> list[InputFile]:
    """The input files of a round: those of its records, and those built now."""
    job = calls.job
    report_progress("build", total=sum(selection.rows for selection in selections))
    unbuilt = [selection for selection in selections if job.built(selection) is None]
    build = calls.task(build_items, "round-{parameters[selection].round}/{parameters[selection].name}/built")
    build.map(unbuilt).result()
    return [file for selection in selections for file in job.built(selection) or ()]


def finish_round(calls: Calls, files: list[InputFile]) -> None:
    """Every batch of a round, `in_flight` at once, refilled as each ends."""
    name = "round-{parameters[batch].input_file.round}/{parameters[batch].input_file.name}/fetched"
    fetch = calls.task(fetch_output, name)
    waiting = deque(file for file in files if submitted(file) is None)
    flying = [batch for file in files if (batch := submitted(file)) and fetched(file) is None]
    fetching: list[PrefectFuture[FetchedOutput]] = []
    report_progress("upload", total=sum(file.items for file in waiting))
    report_progress("fetch", total=sum(file.items for file in files if fetched(file) is None))
    while waiting or flying:
        while waiting and len(flying) < calls.in_flight:
            flying.append(_submit(calls, waiting.popleft()))
        ended = _wait(calls, flying)
        flying = [batch for batch in flying if batch.id not in {found.id for found in ended}]
        fetching += [
            fetch.submit(batch, keep_response=calls.job.request.keep_response, credentials=calls.credentials)
            for batch in ended
        ]
    for future in fetching:
        future.result()


def _submit(calls: Calls, file: InputFile) -> Batch:
    name = f"round-{file.round}/{file.name}/submitted"
    return calls.task(submit_batch, name)(file, credentials=calls.credentials, settle_seconds=calls.settle_seconds)


def _wait(calls: Calls, flying: list[Batch]) -> list[Batch]:
    oldest = min((batch.created_at or 0) for batch in flying)
    options = sensor_options(oldest, poll_seconds=calls.poll_seconds, max_poll_seconds=calls.max_poll_seconds)
    return wait_for_batches.with_options(**options)(flying, credentials=calls.credentials)


def _refuse_if_all_failed(calls: Calls) -> None:
    """A job of which OpenAI takes nothing has cost nothing: it leaves nothing behind, and says why."""
    job = calls.job
    batches = job.batches()
    if batches and all(batch.status == "failed" for batch in batches):
        clean_up(job, credentials=calls.credentials)
        job.files.remove()
        raise BatchFailed(
            f"OpenAI's validation refused every batch of the job: {batches[0].why_failed}",
            batches=[batch.id for batch in batches],
        )


def end_state(report: JobReport, min_answered: float) -> State[JobReport]:
    """Completed, named Partial where rows have no answer; Failed below the share that is asked for."""
    if report.complete:
        return Completed(message=f"{report.rows:,} rows answered", data=report)
    message = f"{report.answered:,} of {report.rows:,} rows answered"
    if report.answered < min_answered * report.rows:
        return Failed(message=f"{message}; asked for {min_answered:.0%}")
    return Completed(name="Partial", message=message, data=report)
