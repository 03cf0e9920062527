"""Paths are the worker's: a deployed run takes whole ones only."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import RunOptions, collect_job, open_job, resume_job, run_dataframe
from prefect_openai_batch.batch.errors import DestinationError, JobKeyError, Refused, StorageNotShared
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.blocks.prefect_calls import STARTED_FOR
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.places import check_places, is_relative

from ..conftest import REVIEW

RELATIVE = ["labelled.csv", "jobs", "./a.csv", "../a", "file:a.csv", "file://a.csv", "local://a", "zip://x::a.zip"]
WHOLE = [
    "/data/a.csv",
    "~/a",
    "file:///data/a",
    "s3://lake/a",
    "s3://lake",
    "memory://a",
    "simplecache::s3://lake/a",
]


@pytest.mark.parametrize(
    ("url", "relative"), [*((url, True) for url in RELATIVE), *((url, False) for url in WHOLE)]
)
def test_a_path_that_depends_on_the_folder_is_relative(url: str, relative: bool) -> None:
    """Whatever its spelling; a home is where it is."""
    assert is_relative(url) is relative


def test_a_process_that_a_worker_started_refuses_relative_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what they are for, with a way out; elsewhere they are as good as any."""
    check_places(destination="labelled.csv", storage="jobs")
    monkeypatch.setenv(STARTED_FOR, "06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21")
    check_places(source="/data/reviews.csv", destination=None, storage="s3://lake/jobs")
    with pytest.raises(Refused, match=r"The storage 'jobs' is a relative path.*/data/jobs"):
        check_places(source="/data/reviews.csv", destination=None, storage="jobs")


def test_a_frame_in_a_deployed_run_refuses_them_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before anything is written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(STARTED_FOR, "06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21")
    with pytest.raises(Refused, match="The destination 'labelled.parquet'"):
        run_dataframe(pd.DataFrame({"review": ["Good."]}), REVIEW, destination="labelled.parquet", storage="/tmp")
    with pytest.raises(Refused, match="The storage 'jobs'"):
        run_dataframe(pd.DataFrame({"review": ["Good."]}), REVIEW, storage="jobs")
    assert list(tmp_path.iterdir()) == []


def test_a_url_that_lacks_a_slash_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder before it makes it no path."""
    monkeypatch.setenv(STARTED_FOR, "06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21")
    with pytest.raises(Refused, match="'s3:/lake/a.csv' is neither a path nor a URL"):
        check_places(source="s3:/lake/a.csv")


@pytest.mark.parametrize(
    "url",
    ["C:\\data\\a.csv", "d:/a.csv", "\\\\server\\share\\a.csv"],
    ids=["a drive", "with slashes", "a share"],
)
def test_a_path_of_windows_is_told_as_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker sees no disk of somebody's desk; no folder before it makes it a path."""
    monkeypatch.setenv(STARTED_FOR, "06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21")
    with pytest.raises(Refused, match="is a path of a Windows machine, which the worker does not see"):
        check_places(source=url)


@pytest.mark.server
@pytest.mark.parametrize("take_up", [resume_job, collect_job], ids=["resume", "collect"])
def test_a_job_taken_up_by_a_worker_goes_to_no_relative_path(
    take_up: Any,
    monkeypatch: pytest.MonkeyPatch,
    reviews: Path,
    tmp_path: Path,
    prefect_server: str,
    batch_api: BatchServer,
) -> None:
    """Nor does one of a misspelt key count as lost; the day in a destination is the run's."""
    storage = str(tmp_path / "jobs")
    job = open_job(str(reviews), REVIEW, str(tmp_path / "a.csv"), job_key="night", storage=storage)
    monkeypatch.setenv(STARTED_FOR, "06a1b7f4-52c4-7f3e-8000-5d1f0c9a7e21")
    with pytest.raises(DestinationError, match="The destination 'other.csv' is a relative path"):
        take_up(" night ", storage=storage, destination="other.csv")
    assert load_job(job.folder) == job
    here = str(tmp_path / "{scheduled:%Y}.csv")
    take_up("night", storage=storage, destination=here, options=RunOptions(poll_seconds=0.1))
    assert (tmp_path / f"{datetime.now(UTC):%Y}.csv").exists()
    with pytest.raises(StorageNotShared, match=f"There is no job 'nihgt' in {storage}: its key is misspelt"):
        take_up("nihgt", storage=storage)
    with pytest.raises(JobKeyError, match="cannot be used"):
        take_up("../jobs", storage=storage)
