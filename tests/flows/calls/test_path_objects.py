"""A path may be a text or a path object, and what is no table's path is refused in a few words."""

import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import (
    FileSource,
    JobKeyError,
    RequestError,
    RunOptions,
    SourceError,
    forget_job,
    open_job,
    openai_batch,
    openai_batch_trial,
    recover_job,
    run_dataframe,
)
from prefect_openai_batch.emulator import BatchServer

from ..conftest import REVIEW, Run

FRAME = pd.DataFrame({"review": ["Nobody logs this row."]})


def test_a_path_object_is_its_text(reviews: Path, tmp_path: Path) -> None:
    """In a source, in the options and in a job."""
    assert FileSource(path=reviews) == FileSource(path=str(reviews))
    assert RunOptions(answers=tmp_path / "a.db").answers == str(tmp_path / "a.db")
    (request := tmp_path / "request.json").write_text(REVIEW.model_dump_json())
    job = open_job(reviews, request, tmp_path / "a.csv", job_key="one", storage=tmp_path / "jobs")
    assert (job.source, job.destination) == (FileSource(path=str(reviews)), str(tmp_path / "a.csv"))
    assert (job.request, job.folder) == (REVIEW, str(tmp_path / "jobs" / "one"))


@pytest.mark.server
def test_a_flow_takes_path_objects(run: Run, reviews: Path, tmp_path: Path, batch_server: BatchServer) -> None:
    """The table's, the request's, the destination's and the storage's."""
    (request := tmp_path / "request.json").write_text(REVIEW.model_dump_json())
    places = {"destination": tmp_path / "a.csv", "storage": tmp_path / "others"}
    options = RunOptions(poll_seconds=0.1)
    assert openai_batch(reviews, request, **places, job_key="job", options=options).complete  # type: ignore[call-overload]
    assert len(pd.read_csv(tmp_path / "a.csv")) == len(pd.read_csv(reviews))
    frame = pd.read_csv(reviews)
    answered = run_dataframe(frame, request, storage=tmp_path / "others", options=options)
    assert answered["outcome"].eq("succeeded").all()
    with pytest.raises(JobKeyError, match="OpenAI lists no batch"):
        recover_job("nihgt", tmp_path / "b.csv")  # type: ignore[call-overload]
    with pytest.raises(JobKeyError, match="There is no job 'nihgt'"):
        forget_job("nihgt", storage=tmp_path / "others")  # type: ignore[call-overload]


@pytest.mark.parametrize("flow", [openai_batch, openai_batch_trial], ids=["a job", "a trial"])
@pytest.mark.parametrize("named", [False, True], ids=["by place", "by name"])
def test_a_frame_is_told_where_it_goes(flow: Any, named: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Before a server of Prefect's starts, and without a row of it in any log."""
    given = {"source": FRAME} if named else {}
    with caplog.at_level(logging.DEBUG), pytest.raises(SourceError, match=r"a DataFrame goes to run_dataframe"):
        flow(*([] if named else [FRAME]), request=REVIEW, **given)
    assert caplog.records == []


@pytest.mark.server
@pytest.mark.parametrize(
    ("request_given", "told"),
    [
        ({"model": "gpt-5-mini"}, "The request is not valid: give one of prompt, messages and function"),
        (["gpt-5-mini"], "The request holds a list, where a request is one set of fields: model, prompt, …"),
    ],
    ids=["without a prompt", "a list"],
)
def test_a_request_of_wrong_fields_is_told_as_a_file_of_them(
    request_given: Any, told: str, reviews: Path, prefect_server: str
) -> None:
    """In one line of our own, and no union's."""
    with pytest.raises(RequestError) as refused:
        openai_batch(str(reviews), request_given)
    assert str(refused.value) == told
