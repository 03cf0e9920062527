"""What a run tells of its job: a line in its log for each event, and events in Prefect's feed."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, get_args

from prefect import get_run_logger

from ...batch.files.batches import SYNCHRONOUS, Batch
from ...batch.files.input_files import InputFile
from ...batch.files.pieces import in_words
from ...batch.flight.bounds import told_of_small_files
from ...batch.jobs.job import Job
from ...batch.jobs.only_new.window import window_of
from ...batch.jobs.report import JobReport
from ...batch.jobs.submissions import fetched
from ...batch.money.estimates import estimate_files
from ...batch.outcomes.bill import Bill, paid
from ...batch.outcomes.costs import bill_of
from ...batch.outcomes.outcome_files import FetchedOutput, why_again
from ...batch.urls import name_in, without_secrets
from ...batch.words import counted
from .events import End, emit_batch, emit_end, why
from .progress_artifact import most_first_in_words

P = ParamSpec("P")


def _never_fatal(tell: Callable[P, None]) -> Callable[P, None]:
    """That something cannot be told is no reason for a job to fail."""

    @wraps(tell)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            tell(*args, **kwargs)
        except Exception:
            get_run_logger().debug("%s failed", tell.__name__, exc_info=True)

    return told


@_never_fatal
def tell_rows(job: Job) -> None:
    """The rows are read."""
    rows = job.rows()
    if rows is not None:
        get_run_logger().info("Read %s of %s", counted(rows.rows, "row"), name_in(job.source.name))
    if (window := window_of(job)) is not None:
        get_run_logger().info("Of %s %s", name_in(job.source.name), window.told)


@_never_fatal
def tell_built(job: Job) -> None:
    """The first round's items are built; what they take and cost."""
    files = job.input_files()
    items = counted(sum(file.items for file in files), "item")
    about = estimate_files(files, job.terms.prices)
    get_run_logger().info("To be sent: %s in %s, %s", items, counted(len(files), "input file"), about)
    if slow := told_of_small_files(files, job.terms.max_enqueued_tokens):
        get_run_logger().warning("%s", slow)
    unsent = sum(file.items for file in job.unsent())
    if unsent:
        get_run_logger().info("Not sent: %s, answered before or by another row", counted(unsent, "row"))


@_never_fatal
def tell_round(job: Job, number: int, rows: int) -> None:
    """A later round begins: how many rows go again, and why."""
    outputs = (fetched(file) for file in job.input_files_of(number - 1))
    reasons = sum((why_again(output) for output in outputs if output is not None), Counter[str]())
    because = f": {most_first_in_words(dict(reasons.most_common()))}" if reasons else ""
    get_run_logger().info(
        "Round %d: %s again%s", number, f"{rows:,} row{' goes' if rows == 1 else 's go'}", because
    )


@_never_fatal
def tell_adopted(batch_ids: Sequence[str]) -> None:
    """Batches of an earlier start were found at OpenAI."""
    if batch_ids:
        get_run_logger().info("Found at OpenAI, sent by an earlier start: %s", ", ".join(batch_ids))


@_never_fatal
def tell_submitted(job: Job, file: InputFile, batch: Batch) -> None:
    """An input file has its batch."""
    items = counted(file.items, "item")
    get_run_logger().info("%s: %s sent to %s as %s", in_words(file).capitalize(), items, file.model, batch.id)
    emit_batch("submitted", job, batch)


@_never_fatal
def tell_refused(job: Job, batch: Batch, again: Sequence[InputFile]) -> None:
    """OpenAI's validation refused a batch, and some of it goes again."""
    files = ", ".join(in_words(file) for file in again)
    get_run_logger().info("Batch %s was refused, and goes again as %s: %s", batch.id, files, batch.why_failed)
    emit_batch(
        "failed", job, batch, status=batch.status, goes_again=sum(file.items for file in again), why=why(batch)
    )


@_never_fatal
def tell_fetched(job: Job, file: InputFile) -> None:
    """What became of an input file is recorded; nothing is told where it is not, for its fetching failed."""
    output = fetched(file)
    if output is None:
        return
    again = f"; {output.again:,} may go again" if output.again else ""
    cost = bill_of([output], job.terms.prices)
    price = f"; paid {paid(cost.known_usd, cost.unpriced)}" if cost.models else ""
    end = "asked at once" if output.batch.id == SYNCHRONOUS else f"{output.batch.id} {output.batch.status}"
    told = (in_words(file).capitalize(), end, most_first_in_words(output.outcomes), price, again)
    get_run_logger().info("%s: %s: %s%s%s", *told)
    if output.batch.id != SYNCHRONOUS:
        _emit_fetched(job, output, cost)


def _emit_fetched(job: Job, output: FetchedOutput, cost: Bill) -> None:
    batch = output.batch
    end = next((end for end in get_args(End) if end == batch.status), None)
    if end is None:
        return
    emit_batch(
        end,
        job,
        batch,
        status=batch.status,
        outcomes=output.outcomes,
        goes_again=output.again,
        cost_usd=None if cost.cost_usd is None else float(cost.cost_usd),
        why=why(batch),
    )


@_never_fatal
def tell_written(report: JobReport) -> None:
    """The table is there."""
    outcomes = most_first_in_words(report.outcomes)
    told = (without_secrets(report.destination), counted(report.rows, "row"), f"{report.answered:,}")
    get_run_logger().info("Wrote %s: %s, %s with an answer%s", *told, f" ({outcomes})" if outcomes else "")
    if report.not_loaded:
        get_run_logger().warning(report.not_loaded)


@_never_fatal
def tell_end(job: Job, report: JobReport, state: str) -> None:
    """A job is finished, in the state of this name."""
    emit_end(job, report, state)
