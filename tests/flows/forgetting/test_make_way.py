"""A job that is refused leaves its key to a corrected one, unless another run may be at work on it."""

from pathlib import Path

import pytest
from prefect import flow
from prefect_openai_batch import Job, open_job, plan_round
from prefect_openai_batch.batch.errors import SourceError
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.only_new.reading import READING
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.leases import Lease
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.flows.defaults import current_run, default_job_key
from prefect_openai_batch.flows.open_batches import open_batches_named

from ..conftest import REVIEW

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]


def begun(reviews: Path, begun_by: str | None) -> Job:
    """A job whose items are built, as a run has begun it or finds it."""
    job = open_job(str(reviews), REVIEW, job_key="job", storage=str(reviews.parent / "jobs"), begun_by=begun_by)
    keep_rows(job)
    for selection in plan_round(job):
        build_selection(job, selection)
    return job


def refuse(job: Job) -> None:
    with open_batches_named(job):
        raise SourceError("reviews.csv: cannot be read: the provided token has expired.", path="reviews.csv")


@flow
def starts_refused(reviews: Path) -> None:
    """It begins the job where nobody has."""
    refuse(begun(reviews, default_job_key(current_run())))


@flow(retries=1)
def is_refused_at_its_second_try(reviews: Path) -> None:
    """The first try ends for another reason."""
    job = begun(reviews, default_job_key(current_run()))
    if current_run().run_count == 1:
        raise RuntimeError
    refuse(job)


def test_a_job_that_another_run_has_begun_stays(reviews: Path) -> None:
    """Whatever this one could not read: nothing is sent yet, but the other one may be about to."""
    job = begun(reviews, "another run")
    before = sorted(job.files.below())
    with pytest.raises(SourceError, match="has expired"):
        starts_refused(reviews)
    assert sorted(job.files.below()) == before


def test_a_job_that_this_run_has_begun_makes_way(reviews: Path) -> None:
    """A corrected one may use the key."""
    with pytest.raises(SourceError):
        starts_refused(reviews)
    assert not (reviews.parent / "jobs" / "job").exists()


def test_a_retry_of_the_run_that_has_begun_it_lets_it_make_way(reviews: Path) -> None:
    """It is the same run, in another process perhaps."""
    with pytest.raises(SourceError):
        is_refused_at_its_second_try(reviews)
    assert not (reviews.parent / "jobs" / "job").exists()


@pytest.mark.parametrize("name", [READING, "rounds/1/building-00000.json"], ids=["its rows", "its items"])
def test_a_job_that_another_run_has_taken_up_stays(reviews: Path, name: str) -> None:
    """It reads or builds, and is heard of."""
    where, _, record = f"{reviews.parent}/jobs/job/{name}".rpartition("/")

    @flow
    def is_refused_beside_another() -> None:
        job = begun(reviews, default_job_key(current_run()))
        lease = Lease(Folder(where), record, "works")
        assert lease.take(lambda: None) is None
        try:
            refuse(job)
        finally:
            lease.give_back()

    with pytest.raises(SourceError):
        is_refused_beside_another()
    assert (reviews.parent / "jobs" / "job" / "job.json").exists()
