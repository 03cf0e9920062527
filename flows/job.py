"""The flow: a table in, the same table with answers out."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from ..batch import clock
from ..batch.errors import AccessError, BatchFailed, Refused
from ..batch.jobs.deadlines import CANCEL_LEAD_MINUTES, make_deadline
from ..batch.jobs.job import IfExists, Job
from ..batch.jobs.opening import open_job
from ..batch.jobs.report import JobReport
from ..batch.requests.request import Request, RequestParameter
from ..batch.tables.sources import FileSource
from ..tasks import check_access, clean_up, read_source, write_results
from ..tasks.remote.creation import SETTLE_SECONDS
from ..tasks.wait import MAX_POLL_SECONDS, POLL_SECONDS
from .cancellation import cancel_open_batches
from .defaults import begun_at, current_run, default_job_key, default_storage, with_schedule
from .job_run import Calls
from .progress import progress_artifact
from .rounds import begin_round, finish_round
from .suspension.check import Wait, check_wait
from .suspension.looks import suspend_for_look

NAMED = 10
"""Open batches that an error names."""

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
    on_cancellation=[cancel_open_batches],
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
    finish_by: str | None = None,
    cancel_lead_minutes: Annotated[float, Field(ge=0)] = CANCEL_LEAD_MINUTES,
    answer_rest: bool = False,
    wait: Wait = "sensor",
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
        finish_by: When to be done: a time (2026-01-31T08:00Z), or a time of day after the run's start (08:00, or
            08:00 Europe/Berlin), in UTC where no zone is named; empty: when the batches are.
        cancel_lead_minutes: How long before finish_by open batches are cancelled; OpenAI takes 10 to 47 minutes.
        answer_rest: Answer the rows that are cut off so at once, by the synchronous API, at twice the price.
        wait: Where the run waits for its batches: sensor, in its own process; suspend, without a process, until it
            is woken; detach, not at all: it ends as Submitted, and `resume_job` or the same run again goes on.
        source_digest: A digest of the source's content; another one under the same key is refused.

    Returns:
        What became of the rows. The run's state is named Partial where some have no answer.

    Raises:
        Refused: the input cannot be used; nothing was sent, nothing paid.
        AccessError: OpenAI refuses the key, or cannot be reached.
        BatchFailed: OpenAI's validation refused every batch.

    Example:
        ```python
        from prefect_openai_batch import openai_batch

        report = openai_batch("reviews.csv", "label_reviews.yaml", "labelled.csv")  # or a ChatRequest and its like
        print(report.outcomes, report.tokens)
        ```
    """
    run = current_run()
    check_wait(wait, run)
    begun = begun_at(run)
    job = open_job(
        source.model_copy(update={"path": with_schedule(source.path, begun)})
        if isinstance(source, FileSource)
        else with_schedule(source, begun),
        request,
        with_schedule(destination, begun) if destination else None,
        job_key=with_schedule(job_key, begun) if job_key else default_job_key(run),
        storage=storage or default_storage(),
        if_exists=if_exists,
        source_digest=source_digest,
        key_given=job_key is not None,
        deadline=make_deadline(finish_by, begun, cancel_lead_minutes=cancel_lead_minutes, answer_rest=answer_rest)
        if finish_by
        else None,
    )
    calls = Calls(
        job,
        credentials,
        in_flight,
        poll_seconds,
        max_poll_seconds,
        settle_seconds,
        deadline=job.deadline,
        wait=wait,
    )
    report = job.report() or run_job(calls, max_rounds)
    return end_state(report, min_answered) if report else leave(calls)  # type: ignore[return-value]


def run_job(calls: Calls, max_rounds: int) -> JobReport | None:
    """Every step of a job that its records do not show as done; None where the rest is to be waited for."""
    job = calls.job
    with open_batches_named(job), progress_artifact(job) as progress:
        _read_rows(calls)
        for number in count(1):
            if not begin_round(calls, number, max_rounds):
                break
            if not finish_round(calls, number):
                return None
        _refuse_if_all_failed(calls)
        report = calls.task(write_results, "report")(job)  # durable first …
        clean_up(job, credentials=calls.credentials)  # … then the remote files go
        progress.show(1.0, f"{report.answered:,} of {report.rows:,} rows answered")
    return report


def leave(calls: Calls) -> State[None]:
    """Leave a job whose batches are to be waited for elsewhere: suspended, or to whoever takes it up again."""
    batches = calls.job.open_batches()
    if calls.wait == "suspend":
        oldest = min((batch.created_at or 0 for batch in batches), default=calls.job.opened_at.timestamp())
        suspend_for_look(clock.now() - oldest)
    return Completed(
        name="Submitted",
        message=f"Open batches: {len(batches)}. `prefect-openai-batch resume {calls.job.key}` goes on.",
    )


def _read_rows(calls: Calls) -> None:
    if calls.job.rows() is None:
        check_access(_model(calls.job.request), credentials=calls.credentials)
        calls.task(read_source, "rows")(calls.job)


def _model(request: Request) -> str | None:
    model = request.body_template().get("model")
    return model if isinstance(model, str) else None


@contextmanager
def open_batches_named(job: Job) -> Iterator[None]:
    """Let an error say which batches it leaves open; a job that has sent nothing leaves nothing at all."""
    try:
        yield
    except Exception as error:
        if not job.has_sent():
            if isinstance(error, Refused | AccessError):
                job.files.remove()  # so that a corrected command may use the key
            raise
        opened = [batch.id for batch in job.open_batches()]
        if opened:
            error.add_note(
                f"The job {job.key!r} leaves {len(opened)} batches open at OpenAI, which are paid for: "
                f"{', '.join(opened[:NAMED])}{', …' if len(opened) > NAMED else ''}. A retry of the run picks "
                f"them up, and so does `prefect-openai-batch resume {job.key}` (job folder {job.folder})."
            )
            get_run_logger().error(error.__notes__[-1])
        raise


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
