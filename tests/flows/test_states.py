"""How a run ends in Prefect, and what its parent makes of that."""

from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect import flow
from prefect_openai_batch import (
    FileSource,
    RunOptions,
    openai_batch,
)
from prefect_openai_batch.emulator import BatchServer, Reply

from .conftest import REVIEW

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]


@pytest.mark.parametrize(("min_answered", "name"), [(0.0, "Partial"), (0.9, "Partial"), (0.97, "Failed")])
def test_rows_without_an_answer_make_a_partial_run(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, min_answered: float, name: str
) -> None:
    """The run is completed, named Partial, and its result is still the report; below the share it has failed.

    The message says what is missing, why, and what helps.
    """
    with BatchServer(answer=refuse_one) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        state = openai_batch(
            str(reviews),
            REVIEW,
            str(tmp_path / "answers.csv"),
            storage=str(tmp_path / "jobs"),
            options=RunOptions(poll_seconds=0.2, min_answered=min_answered),
            return_state=True,
        )
    assert state.name == name
    assert str(state.message).startswith("29 of 30 rows answered")
    assert "Missing: 1 refused. What helps: The model declines" in str(state.message)
    if name == "Partial":
        assert state.is_completed()
        assert (state.result().answered, state.result().rows) == (29, 30)
    assert pd.read_csv(tmp_path / "answers.csv")["answer"].isna().sum() == 1


@pytest.mark.parametrize("refuse", [False, True], ids=["all answered", "some refused"])
def test_a_state_says_how_many_answers_were_cut_off(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: bool
) -> None:
    """Whether others have none or not."""

    def answer(body: dict[str, Any]) -> Reply:
        first = "Review 0:" in str(body)
        return Reply(refusal="I cannot.") if refuse and first else Reply("I l", finish_reason="length")

    with BatchServer(answer=answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        options = RunOptions(poll_seconds=0.2)
        storage = str(tmp_path / "jobs")
        state = openai_batch(str(reviews), REVIEW, storage=storage, options=options, return_state=True)
    assert (state.result().answered, state.result().cut_off) == (30 - refuse, 30 - refuse)
    assert f"{30 - refuse} answers cut off at the length limit: give max_completion_tokens" in str(state.message)


def test_results_are_on_the_server_as_json(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, prefect_server: str
) -> None:
    """The flow run's result is the report, by reference; its key names the job."""
    state = openai_batch(
        FileSource(path=str(reviews)),
        REVIEW,
        storage=str(tmp_path / "jobs"),
        options=RunOptions(poll_seconds=0.2),
        return_state=True,
    )
    assert state.result().complete
    flow_run = httpx.get(f"{prefect_server}/flow_runs/{state.state_details.flow_run_id}").json()
    assert flow_run["state"]["data"]["serializer"]["type"] == "json"


def test_a_failed_subflow_continues_its_job_when_the_parent_is_retried(
    reviews: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry is another run of the subflow, but the same job: each row is sent once."""
    attempts: list[int] = []

    @flow(retries=1)
    def parent() -> None:
        attempts.append(len(attempts))
        openai_batch(
            str(reviews),
            REVIEW,
            storage=str(tmp_path / "jobs"),
            options=RunOptions(poll_seconds=0.2, min_answered=1.0),
        )

    with BatchServer(answer=refuse_one) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        with pytest.raises(Exception, match="29 of 30 rows answered; asked for 100 %"):
            parent()
        assert attempts == [0, 1]
        assert server.bill()["billed"] == 30


def refuse_one(body: dict[str, Any]) -> Any:
    return Reply(refusal="I cannot.") if "Review 7:" in str(body) else Reply("fine")
