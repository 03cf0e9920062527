"""The flow: a table in, the same table with answers out."""

from itertools import count
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from pydantic import Field

from ..batch.errors import BatchFailed
from ..batch.forgetting.forgotten_folders import check_folder_stays, make_way
from ..batch.forgetting.kept_days import note_keep_days
from ..batch.form_texts import titled
from ..batch.jobs.job import IfExists, Job
from ..batch.jobs.only_new.appending import appended_in_turn, not_loaded
from ..batch.jobs.only_new.window import least_answered, leaves_mark
from ..batch.jobs.opening import open_job
from ..batch.jobs.options import USUAL, RunOptions
from ..batch.jobs.report import REFUSED_TABLE, JobReport, RefusedTable
from ..batch.money.budgets import check_budget
from ..batch.prices import dollars
from ..batch.requests.request import RequestParameter
from ..batch.storage.awaiting import storage_awaited
from ..batch.storage.records import listed_once, settled_records_remembered
from ..batch.tables.any_source import Source, path_of, rewritten
from ..batch.urls import without_secrets
from ..batch.words import counted
from ..blocks.databases import database_engine
from ..tasks import check_access, clean_up, keep_mark, read_source, write_results
from ..tasks.databases import check_table, load_results
from ..tasks.marks import mark_stands
from ..tasks.remote.tries import kind_of, may_pass, pause_for_storage, pauses_end_with_it
from ..tasks.reports import show_report
from .cancellation import cancel_open_batches
from .defaults import began_before, begun_at, current_run, default_job_key, default_storage, with_schedule
from .destination import Destination, path_written, refuse_if_exists, scheduled_destination
from .engines.processes import processes_end_with_it
from .forgetting.kept_days import keep_no_longer
from .job_run import JobRun
from .open_batches import open_batches_named
from .own_parameters import as_we_take_them
from .places import check_places
from .rounds import begin_round, finish_round, recognise_job
from .runs import parameters_of, way_on
from .sending.kept_answers import forget_opening, settle_answers
from .shown.assets import materializing_file, materializing_table
from .shown.progress import shown_progress
from .shown.run_names import introduce, run_name
from .shown.story import tell_built, tell_end, tell_rows, tell_written
from .suspension.checks import check_wait
from .suspension.leaving import leave

DONE_ALREADY = "Job %s is done already: nothing is sent, and its table stays as it is (folder %s)"

WORKERS = 2
"""Builds and fetches at once in one process; each holds a few row groups and its items' ids.

More are hardly faster, for one interpreter lock is theirs: more cores are had by another task runner."""

TASK_RUNNER: TaskRunner[PrefectFuture[Any]] = ThreadPoolTaskRunner(  # type: ignore[assignment]  # invariant
    max_workers=WORKERS
)


@as_we_take_them
@flow(
    name="openai-batch",
    flow_run_name=run_name,
    persist_result=True,
    result_serializer="json",
    task_runner=TASK_RUNNER,
    on_cancellation=[cancel_open_batches],
)
def openai_batch(
    source: Annotated[Source | Annotated[str, Field(title="A path or URL")], titled("Source")],
    request: Annotated[RequestParameter, titled("Request")],
    destination: Annotated[Destination | None, titled("Destination")] = None,
    *,
    job_key: Annotated[str | None, titled("Job key")] = None,
    storage: Annotated[str | None, titled("Storage")] = None,
    credentials: Annotated[str | None, titled("Credentials")] = None,
    if_exists: Annotated[IfExists, titled("If the destination exists")] = "refuse",
    options: Annotated[RunOptions, titled("Options")] = USUAL,
    source_digest: Annotated[str | None, titled("Source's digest")] = None,
) -> JobReport:
    """A table in, the same table with answers out, by OpenAI's Batch API.

    Args:
        source: The table: the path or URL of a file, a folder or a glob, or a database's table or query. A
            deployed run's paths are its worker's, and whole: /data/reviews.csv, s3://lake/reviews.csv.
        request: How a row becomes an item, or the path or URL of a request file.
        destination: A path or URL for the results, whose ending names the format, or a table of a database;
            empty: in the job folder. A deployed run refuses a relative path.
        job_key: Names the job: the same key continues the same job. May hold {scheduled:%Y-%m-%d}. Empty: this
            run's id, which its retries keep; another run is another job then, and pays again.
        storage: The folder or URL that holds the job folders; every worker must reach it. Never relative either.
        credentials: The name of a credentials block; empty: OpenAI's environment variables.
        if_exists: What to do when the destination exists; a table of a database says that itself.
        options: How much at once, how often, until when, and where the run waits.
        source_digest: A digest of the source's content; another one under the same key is refused.

    Returns:
        What became of the rows. The run's state is named Partial where some have no answer, and Submitted where it
        was detached: the report then says what is open.

    Raises:
        Refused: the input cannot be used, or the budget cannot hold; nothing was sent, nothing paid.
        AccessError: OpenAI refuses the key, or cannot be reached.
        BatchFailed: OpenAI's validation refused every batch; the table says why for each row.
        TableNotWritten: the answers are there, and their table cannot be written; `resume_job` writes another.

    Example:
        ```python
        from prefect_openai_batch import openai_batch

        report = openai_batch("reviews.csv", "label_reviews.yaml", "labelled.csv")  # or a ChatRequest and its like
        print(report.outcomes, report.tokens)
        ```
    """
    run = current_run()
    check_wait(options.wait, run)
    begun = begun_at(run)
    place = storage or default_storage()
    refuse_if_exists(source, destination, if_exists)
    check_places(source=path_of(source), destination=path_written(destination), storage=place)
    job = open_job(
        rewritten(source, lambda text: with_schedule(text, begun)),
        request,
        scheduled_destination(destination, begun),
        job_key=with_schedule(job_key, begun) if job_key else default_job_key(run),
        storage=place,
        if_exists=if_exists,
        source_digest=source_digest,
        key_given=job_key is not None or began_before(run),
        deadline=options.deadline(begun),
        may_be_done=True,
        connect=database_engine,
        begun_by=default_job_key(run),
    )
    note_keep_days(job, options.keep_days)
    job_run = JobRun(job, options, credentials)
    return run_to_its_state(job_run, options.max_rounds)  # type: ignore[return-value]  # Prefect gives its data


@settled_records_remembered()
@storage_awaited(pause_for_storage)
def run_to_its_state(job_run: JobRun, max_rounds: int) -> State[JobReport]:
    """Do what is left of a job, and say how it ended, or how it stands where it is waited for elsewhere."""
    job = job_run.job
    is_done_already = (report := job.report()) is not None
    check_folder_stays(job)
    if report is not None:
        get_run_logger().info(DONE_ALREADY, job.key, without_secrets(job.folder))
    else:
        get_run_logger().info("The job's folder: %s", without_secrets(job.folder))
        report = run_job(job_run, max_rounds)
        if report is None:
            return leave(job, job_run.options.wait, job_run.credentials)
    if job.nothing_was_taken():
        tell_end(job, report, "Failed")
        raise _nothing_taken(job)
    state = end_state(job_run, report)
    if not is_done_already:
        tell_end(job, report, str(state.name))
    keep_no_longer(job)
    if report.bill is not None and not is_done_already:
        get_run_logger().info("Paid: %s", report.bill)
        if report.unsent:
            get_run_logger().info("Not sent: %s", report.unsent)
        if (budget := job.terms.budget_usd) is not None and report.bill.known_usd > budget:
            get_run_logger().warning("It cost more than %s: so much was sent before", dollars(budget))
    if not report.complete:
        get_run_logger().warning("%s%s", state.message, _fields_to_go_on(job_run) if report.resumable else "")
    return state


def tell_done(job_run: JobRun, report: JobReport) -> State[JobReport]:
    """Say that a job is done already, and how it ended."""
    get_run_logger().info(DONE_ALREADY, job_run.job.key, without_secrets(job_run.job.folder))
    return end_state(job_run, report)


def run_job(job_run: JobRun, max_rounds: int) -> JobReport | None:
    """Every step of a job that its records do not show as done; None where the rest is to be waited for."""
    job, options = job_run.job, job_run.options
    with open_batches_named(job), processes_end_with_it(), pauses_end_with_it(), shown_progress(job) as progress:
        job_run = settle_answers(job_run.on_its_terms())
        job = job_run.job
        _read_rows(job_run)
        introduce(job)
        if (done := recognise_job(job_run)) is not None:
            return done
        if not _rounds_or_later(job_run, max_rounds):
            return None
        report = materializing_file(job_run.task(write_results, "report"), job)(job)  # durable first …
        leaves = leaves_mark(job, report, least_answered(job, options.min_answered))
        with appended_in_turn(job) as waits_for_mark:
            if job.into is not None and not job.nothing_was_taken():
                if waits_for_mark and not (leaves := leaves and mark_stands(job)):
                    report = not_loaded(job, report)
                else:
                    materializing_table(load_results, job)(job)
            if leaves:
                job_run.task(keep_mark, "mark")(job)
        tell_written(report)
        show_report(job, report, credentials=job_run.credentials)
        clean_up(job, credentials=job_run.credentials)  # … then the remote files go
        progress.show_end(report)
    return job.report() or report


def _rounds_or_later(job_run: JobRun, max_rounds: int) -> bool:
    """Every round of a job; False where the rest is waited for elsewhere.

    So it is where OpenAI or the storage is away and the run suspends: nobody wakes a run that failed.
    """
    try:
        return _rounds(job_run, max_rounds)
    except Exception as error:
        if job_run.options.wait != "suspend" or not may_pass(error) or not job_run.job.has_sent():
            raise
        get_run_logger().warning("What the job needs is away (%s): the next look goes on", kind_of(error))
        return False


def _rounds(job_run: JobRun, max_rounds: int) -> bool:
    for number in count(1):
        if not begin_round(job_run, number, max_rounds):
            break
        _foretell(job_run)
        if not finish_round(job_run, number):
            return False
    return True


def _read_rows(job_run: JobRun) -> None:
    job = job_run.job
    if job.rows() is None:
        check_access(job.request.named_model or None, credentials=job_run.credentials)
        if job.into is not None:
            check_table(job)  # as far as can be told without the rows, which may take long to read
        options = job_run.options
        job_run.task(read_source, "rows")(job, full=options.full, min_answered=options.min_answered)
        tell_rows(job)
    if job.into is not None and (job_run.resumed or not job.has_sent()):
        check_table(job)


@listed_once()
def _foretell(job_run: JobRun) -> None:
    """Say what a job will cost, and refuse one whose budget cannot hold, before anything is uploaded."""
    job, deadline = job_run.job, job_run.job.deadline
    if not job.has_sent():
        tell_built(job)
        check_budget(job, answers_rest=deadline is not None and deadline.answer_rest)


def _fields_to_go_on(job_run: JobRun) -> str:
    """What to fill in where a job is to be taken up again."""
    found_by = parameters_of(job_run.job, job_run.credentials)
    fields = (f"{name.replace('_', ' ')} {value}" for name, value in found_by.items() if value)
    return f" The deployment's fields: {', '.join(fields)}."


def _nothing_taken(job: Job) -> BatchFailed:
    """The end of a job of which OpenAI takes nothing: it has cost nothing, and leaves its table alone."""
    batches = job.batches()
    job.files.write(REFUSED_TABLE, RefusedTable(destination=job.destination))
    forget_opening(job.folder)
    make_way(job)
    return BatchFailed(
        f"OpenAI's validation refused every batch of the job, and nothing is paid: "
        f"{batches[0].why_failed.rstrip('.')}. "
        f"Each row stands with its reason in {job.destination}.",
        batches=[batch.id for batch in batches],
        path=job.destination,
    )


def end_state(job_run: JobRun, report: JobReport) -> State[JobReport]:
    """Completed, named Partial where rows have no answer; Failed below the share that is asked for."""
    if report.complete:
        besides = "".join(f" ({said})" for said in (report.unsent, report.cut) if said)
        return Completed(message=f"{counted(report.rows, 'row')} answered{besides}", data=report)
    answered = f"{report.answered:,} of {counted(report.rows, 'row')} answered"
    helps = [f"What helps: {report.way_out}"] if report.way_out else []
    on = [] if helps and not report.resumable else [f"To go on: {way_on(job_run.job, job_run.credentials)}."]
    told = " ".join([*report.shortfall, *helps, *on])
    min_answered = least_answered(job_run.job, job_run.options.min_answered)
    if report.answered < min_answered * report.rows:
        return Failed(message=f"{answered}; asked for {100 * min_answered:.10g} %. {told}")
    return Completed(name="Partial", message=f"{answered}. {told}", data=report)
