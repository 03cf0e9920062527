"""`forget` on the command line: what it says, and what it asks."""

from pathlib import Path

import pytest
from prefect_openai_batch import openai_batch
from prefect_openai_batch.emulator import BatchServer

from ..flows.conftest import REVIEW
from .support import Shell

pytestmark = pytest.mark.server


def test_a_job_is_forgotten_by_its_key(shell: Shell, batch_server: BatchServer, reviews: Path) -> None:
    """It says what is removed and what stays; what is no job here is refused, with the storage looked in."""
    shell.run(reviews.name, "--job-key", "reviews")
    forgotten = shell.call("forget", "reviews", "--storage", "jobs")
    assert forgotten.returncode == 0, forgotten.stderr
    removed, stays = ([line for line in forgotten.stdout.splitlines() if line.startswith(how)] for how in HOW)
    assert removed == [
        f"removed: the job folder {reviews.parent / 'jobs' / 'reviews'}",
        "removed: 2 artifacts in Prefect",
    ]
    assert stays[0] == f"stays: the table {reviews.parent / 'answers.csv'}"
    again = shell.call("forget", "reviews", "--storage", "jobs")
    assert (again.returncode, len(again.errors)) == (2, 1)
    assert f"no job 'reviews' in {reviews.parent / 'jobs'}" in again.stderr


HOW = ("removed: ", "stays: ")


def test_answers_that_are_nowhere_else_are_asked_about(
    shell: Shell, batch_server: BatchServer, reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A no, or nobody who could answer, keeps them; --yes needs no question."""
    openai_batch(str(reviews), REVIEW, job_key="reviews", storage=str(reviews.parent / "jobs"))
    monkeypatch.setattr("sys.stdin", None)
    kept = shell.call("forget", "reviews", "--storage", "jobs")
    assert kept.returncode == 2
    assert "results lie in its folder alone" in kept.stderr
    assert "nothing is removed" in kept.stderr
    assert (reviews.parent / "jobs" / "reviews" / "job.json").exists()
    assert shell.call("forget", "reviews", "--storage", "jobs", "--yes").returncode == 0
    assert not (reviews.parent / "jobs" / "reviews").exists()
