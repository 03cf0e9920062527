"""The report of a job on a real server of Prefect's."""

import logging
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect_openai_batch.batch.jobs.job import Job
from prefect_openai_batch.batch.jobs.report import JobReport
from prefect_openai_batch.batch.reports.report_page import MARKDOWN_BYTES
from prefect_openai_batch.tasks.reports import at_openai, show_report
from prefect_openai_batch.tasks.shown.artifact_keys import artifact_key

from ...batch.reports.jobs import ANSWERED, REFUSED, done_job


@flow
def shown(job: Job, report: JobReport) -> None:
    show_report(job, report)


def artifacts(key: str) -> list[Artifact]:
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=wanted)


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_a_job_has_its_report_on_the_server(tmp_path: Path) -> None:
    """A page with charts within its bounds, and a table of the rows without an answer; again is a new version."""
    job, report = done_job(tmp_path, [ANSWERED, REFUSED], 30, key="shown-2026")
    shown(job, report)
    shown(job, report)
    page, _ = artifacts("openai-batch-shown-2026-report")
    table, _ = artifacts("openai-batch-shown-2026-unanswered")
    assert isinstance(page.data, str)
    assert "](data:image/svg+xml;base64," in page.data
    assert len(page.data.encode()) <= MARKDOWN_BYTES
    assert page.description == "15 of 30 rows answered: rows.csv · gpt-5-mini"
    assert '"why": "refused"' in str(table.data)


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_a_report_that_cannot_be_made_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its outcomes are lost: the log says so, and the run goes on."""
    job, report = done_job(tmp_path, [ANSWERED], 1, key="lost")
    job.files.remove("rounds/1/00000-0/outcomes.arrow")
    with caplog.at_level(logging.WARNING):
        shown(job, report)
    assert "The report of the job lost could not be made" in caplog.text
    assert artifacts("openai-batch-lost-report") == []


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("", True),
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("http://127.0.0.1:8080/v1", False),
        ("https://api.openai.com.elsewhere.net/v1", False),
    ],
    ids=["none", "own", "residency", "local", "other"],
)
def test_openai_is_known_by_its_address(address: str, known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only there has a batch a page."""
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    assert at_openai(None) is known


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("a-b-1", "openai-batch-a-b-1-report"),
        ("a.b_1", "openai-batch-a-b-1-2f83c5-report"),
        ("a-report", "openai-batch-a-report-3c367a-report"),
        ("7b009f80-7195-4059-819a-e4c386a08321", "openai-batch-rows-csv-e4c386a08321-report"),
    ],
    ids=["a plain key", "another with the same letters", "one that could be another's report", "a run's id"],
)
def test_an_artifact_is_named_as_prefect_takes_it(tmp_path: Path, key: str, named: str) -> None:
    """Small letters, digits and dashes; a run's id says nothing, so the table is named."""
    job, _ = done_job(tmp_path, [ANSWERED], 1, key=key)
    assert artifact_key(job, "report") == named
