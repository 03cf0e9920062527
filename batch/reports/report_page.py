"""The report of a job as a person gets it in hand: Markdown for Prefect, HTML for a file and a notebook."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC

from ..errors import SourceError
from ..jobs.job import Job
from ..jobs.report import JobReport
from ..jobs.unsent.outputs import fetched_outputs
from ..storage.records import listed_once
from ..storage.whole_files import whole_file
from ..urls import name_in, without_secrets
from ..words import counted
from .blocks import Heading, ReportBlock
from .found.findings import Findings, find
from .grids import brief
from .html import as_document, as_fragment
from .job_blocks import job_blocks
from .markdown import as_markdown

MARKDOWN_BYTES = 100_000
"""What Prefect's pages show within some seconds."""


@dataclass(frozen=True, repr=False, eq=False)
class ReportPage:
    """A job's report: shown in a notebook it is a page to look at; `save` writes it as one file.

    Attributes:
        title: What was asked, and of which model.
        subtitle: Which job it was, and when it ended.
        report: How the job ended.
        findings: What its outcomes say.
        blocks: The report from top to bottom.
    """

    title: str
    subtitle: str
    report: JobReport
    findings: Findings = field(repr=False)
    blocks: tuple[ReportBlock, ...] = field(repr=False)

    @property
    def summary(self) -> str:
        """What came of the job, in a line."""
        return f"{self.report.answered:,} of {counted(self.report.rows, 'row')} answered: {self.title}"

    def as_html(self) -> str:
        """The report as an HTML document that needs no other file and no network."""
        return as_document(self.title, self.subtitle, self.blocks)

    def as_markdown(self) -> str:
        """The report as Markdown of at most `MARKDOWN_BYTES`; charts are left out where there is no room."""
        return as_markdown((Heading(self.title), self.subtitle, *self.blocks), limit=MARKDOWN_BYTES)

    def unanswered_rows(self) -> list[dict[str, str | int]]:
        """The rows without an answer and why, at most `MOST_UNANSWERED`; the last line tells of further ones."""
        rows: list[dict[str, str | int]] = [
            {"row": one.row, "custom_id": one.custom_id, "why": one.why, "in OpenAI's words": one.message}
            for one in self.findings.unanswered
        ]
        if self.findings.without_answer > len(rows):
            further = self.findings.without_answer - len(rows) + 1
            told = f"… and {further:,} more, in the table at {without_secrets(self.report.destination)}"
            rows[-1:] = [{"row": "…", "custom_id": "", "why": told, "in OpenAI's words": ""}]
        return rows

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the report as an HTML file to a path or URL, whole or not at all."""
        with whole_file(os.fspath(path)) as file:
            file.write(self.as_html().encode())

    def _repr_html_(self) -> str:
        return as_fragment(self.title, self.subtitle, self.blocks)

    def __repr__(self) -> str:
        return self.summary


@listed_once()
def report_page(job: Job, report: JobReport, *, at_openai: bool = False) -> ReportPage:
    """Make the report of a job that is done, from its folder alone.

    Args:
        job: The job.
        report: How it ended.
        at_openai: Whether its batches are OpenAI's own, which has a page of each.

    Raises:
        SourceError: the rows of the job were not read, or are removed.
    """
    if job.found is not None:
        raise SourceError(
            f"The answers of the job {job.key!r} stand in its table alone, {without_secrets(job.destination)}: no "
            "report can be made of them any more.",
            path=job.destination,
        )
    findings, outputs = find(job), fetched_outputs(job)
    blocks = job_blocks(job, report, findings, outputs, at_openai=at_openai)
    return ReportPage(_title(job), " · ".join(_subtitle(report)), report, findings, tuple(blocks))


def _title(job: Job) -> str:
    return " · ".join(map(brief, filter(None, (name_in(job.source.name), job.request.named_model))))


def _subtitle(report: JobReport) -> Iterator[str]:
    yield f"job {report.job_key}"
    if report.finished_at is not None:
        yield f"{report.finished_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
