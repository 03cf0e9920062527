"""How far a job is, as one artifact in Prefect's UI, whichever process moves it on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from pydantic import BaseModel, ConfigDict

from ...batch.files.batches import Batch, count_items, describe_progress
from ...batch.jobs.job import Job
from ...batch.jobs.report import JobReport
from ...batch.jobs.submissions import fetched
from ...batch.progress import Progress
from ...batch.urls import name_in, without_secrets
from ...batch.words import duration
from ...blocks.prefect_calls import at_once
from ...tasks.shown.artifact_keys import artifact_key, is_unnamed
from .so_far import SoFar, in_words

RECORD = "progress.json"

MOST_UNFINISHED = 99.9
"""Percent that a job without all answers may show."""

FORETOLD_FROM = 0.05
"""The share of the items from which on the end is foretold."""


class ArtifactRecord(BaseModel):
    """The artifact that shows a job's progress."""

    model_config = ConfigDict(frozen=True)

    artifact_id: UUID


class ProgressArtifact:
    """The artifact of a job, made by whichever process is the first to show something."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def show(self, so_far: SoFar, now: float) -> None:
        """Show a look at the batches; that it cannot be shown is no reason to stop."""
        self._try_to_write(min(100 * so_far.share, MOST_UNFINISHED), under_way(self.job, so_far, now))

    def show_end(self, report: JobReport) -> None:
        """Show what became of the rows: 100 % where all are answered, and nowhere else."""
        percent = 100.0 if report.complete else min(100 * report.answered / (report.rows or 1), MOST_UNFINISHED)
        self._try_to_write(round(percent, 1), over(self.job, report))

    def show_cancelled(self, batches: Sequence[Batch]) -> None:
        """Show how far a cancelled job came, by its batches as they stand; what was never shown stays so."""
        if self.job.files.exists(RECORD):
            so_far = so_far_of(self.job, batches)
            self._write(min(100 * so_far.share, MOST_UNFINISHED), cancelled(self.job, so_far))

    def _try_to_write(self, percent: float, text: str) -> None:
        try:
            self._write(percent, text)
        except Exception:
            get_run_logger().debug("The progress could not be shown", exc_info=True)

    def _write(self, percent: float, text: str) -> None:
        record = self.job.files.read_settled(RECORD, ArtifactRecord)
        if record is None:
            key = artifact_key(self.job)
            made = at_once(create_progress_artifact, progress=percent, key=key, description=text)
            self.job.files.write_first(RECORD, ArtifactRecord(artifact_id=made))
        else:
            at_once(update_progress_artifact, record.artifact_id, progress=percent, description=text)


def under_way(job: Job, so_far: SoFar, now: float) -> str:
    """How far a job is, as markdown."""
    begun = job.opened_at.timestamp()
    end = expected_end(begun, now, so_far.share)
    untold = "within 24 hours" if so_far.share < 1 else ""
    lines = {
        "Items done": f"{so_far.done:,} of {so_far.total:,} ({int(100 * so_far.share)} %)",
        "Batches": in_words(so_far.statuses),
        "Under way for": duration(max(now - begun, 0)),
        "Expected end": untold if end is None else f"about {_clock(end, now)}",
    }
    return _markdown(job, lines)


def so_far_of(job: Job, batches: Sequence[Batch]) -> SoFar:
    """How far a job is by its records, and by its open batches as they stand."""
    rows, rounds = job.rows(), job.rounds()
    files = job.input_files_of(max(rounds)) if rounds else []
    so_far = SoFar(rows=rows.rows if rows else 0)
    done = sum(file.items for file in files if fetched(file) is not None)
    so_far.hear(Progress("fetch", total=sum(file.items for file in files), done=done))
    so_far.hear(Progress("wait", done=count_items(batches)[0], text=describe_progress(batches)))
    return so_far


def cancelled(job: Job, so_far: SoFar) -> str:
    """How far a job came that was cancelled, as markdown."""
    lines = {
        "Cancelled": "nothing more is sent; what is finished is collected",
        "Items done": f"{so_far.done:,} of {so_far.total:,} ({int(100 * so_far.share)} %)",
        "Batches": in_words(so_far.statuses),
    }
    return _markdown(job, lines)


def over(job: Job, report: JobReport) -> str:
    """How a job ended, as markdown."""
    end = report.finished_at or report.started_at
    lines = {
        "Rows answered": f"{report.answered:,} of {report.rows:,}",
        "Outcomes": most_first_in_words(report.outcomes),
        "Took": duration((end - report.started_at).total_seconds()),
        "Paid": str(report.bill).partition("\n")[0] if report.bill and report.bill.models else "",
        "Table": f"`{without_secrets(report.destination)}`",
    }
    return _markdown(job, lines)


def _markdown(job: Job, lines: dict[str, str]) -> str:
    title = " · ".join(filter(None, (name_in(job.source.name), job.request.named_model)))
    told = "\n".join(f"- {name}: {text}" for name, text in lines.items() if text)
    named = "" if is_unnamed(job) else f", job `{job.key}`"
    return f"**{title}**{named}\n\n{told}"


def most_first_in_words(outcomes: dict[str, int]) -> str:
    """Outcomes and how many there are of each: `29 succeeded, 1 failed`."""
    most_first = sorted(outcomes.items(), key=lambda outcome: -outcome[1])
    return ", ".join(f"{count:,} {name}" for name, count in most_first if count)


def expected_end(begun: float, now: float, share: float) -> float | None:
    """When all items will be done if they go on as they have, in Unix seconds; None where nobody can tell yet."""
    return begun + (now - begun) / share if FORETOLD_FROM <= share < 1 else None


def _clock(at: float, now: float) -> str:
    end, today = (datetime.fromtimestamp(seconds, UTC) for seconds in (at, now))
    return end.strftime("%H:%M UTC" if end.date() == today.date() else "%d %b %H:%M UTC")
