"""How far a job is, as one artifact in Prefect's UI, whichever process moves it on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from pydantic import BaseModel, ConfigDict

from ..batch.jobs.job import Job
from ..batch.progress import Progress, observed_by
from ..blocks.prefect_calls import at_once

RECORD = "progress.json"


class ArtifactRecord(BaseModel):
    """The artifact that shows a job's progress."""

    model_config = ConfigDict(frozen=True)

    artifact_id: UUID


@contextmanager
def progress_artifact(job: Job) -> Iterator["ProgressArtifact"]:
    """Show the progress of what runs in the block."""
    shown = ProgressArtifact(job)
    with observed_by(shown.hear):
        yield shown


class ProgressArtifact:
    """What the artifact shows: of the items of a round, how many OpenAI has done."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.items = 0
        self.fetched = 0

    def hear(self, news: Progress) -> None:
        """Count what is fetched; show each look at the batches."""
        if news.step == "fetch":
            self.items = self.items if news.total is None else news.total
            self.fetched = (self.fetched if news.done is None else news.done) + news.advance
        elif news.step == "wait" and self.items:
            self.show(min(1.0, (self.fetched + (news.done or 0)) / self.items), news.text or "")

    def show(self, share: float, text: str) -> None:
        """Update the artifact; that it cannot be shown is no reason to stop."""
        try:
            self._write(100 * share, text)
        except Exception:
            get_run_logger().debug("The progress could not be shown", exc_info=True)

    def _write(self, percent: float, text: str) -> None:
        record = self.job.files.read(RECORD, ArtifactRecord)
        if record is None:
            key = f"openai-batch-{re.sub('[^a-z0-9]+', '-', self.job.key)}".strip("-")
            made = at_once(create_progress_artifact, progress=percent, key=key, description=text)
            self.job.files.write(RECORD, ArtifactRecord(artifact_id=made))
        else:
            at_once(update_progress_artifact, record.artifact_id, progress=percent, description=text)
