"""Paths are the worker's: a deployed run takes whole ones only."""

from pathlib import Path

import pandas as pd
import pytest
from prefect_openai_batch import run_dataframe
from prefect_openai_batch.batch.errors import Refused
from prefect_openai_batch.blocks.prefect_calls import STARTED_FOR
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
