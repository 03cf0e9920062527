"""The flow of a trial, and how near its estimate comes to the bill."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect_openai_batch import ChatRequest, Refused, openai_batch, openai_batch_trial
from prefect_openai_batch.batch.jobs.options import RunOptions
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.trials.trial_flow import ARTIFACT

from .test_try_rows import asked

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

REQUEST = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", answer={"mood": "happy | angry", "why": "text"})


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """A table whose rows grow longer and longer, as where it is sorted: its first rows are like no others."""
    path = tmp_path / "reviews.csv"
    texts = [f"Review {number}: " + "I liked it a lot. " * (1 + number**2 // 20_000) for number in range(1_000)]
    pd.DataFrame({"review": texts, "label": ["happy", "angry"] * 500}).to_csv(path, index=False)
    return path


def test_the_estimate_comes_near_the_bill(batch_server: BatchServer, growing: Path, tmp_path: Path) -> None:
    """Of twenty rows in a thousand, within a tenth: tokens in and out, and the dollars on the server's account."""
    model = openai_batch_trial(str(growing), REQUEST).models[0]
    assert asked(batch_server) == ["/v1/chat/completions"] * 20
    tried = batch_server.bill()
    assert model.trial_usd == Decimal(tried["usd"])
    options = RunOptions(poll_seconds=0.1)
    openai_batch(str(growing), REQUEST, str(tmp_path / "out.csv"), storage=str(tmp_path / "jobs"), options=options)
    billed = batch_server.bill()
    assert model.whole is not None
    for name, told in (("input_tokens", model.whole.input_tokens), ("output_tokens", model.whole.output_tokens)):
        assert told == pytest.approx(billed[name] - tried[name], rel=0.1)
    cost = Decimal(billed["usd"]) - Decimal(tried["usd"])
    assert model.whole.batch_usd == pytest.approx(cost, rel=Decimal("0.1"))


def test_the_report_is_an_artifact(batch_server: BatchServer, growing: Path) -> None:
    """In Markdown, of what the flow gives as a record: both models, and how many are right."""
    report = openai_batch_trial(
        str(growing), REQUEST, rows=3, models=["gpt-5", "gpt-5-nano"], expect=["mood = label"]
    )
    assert [(one.model, one.asked, one.scores[0].compared) for one in report.models] == [
        ("gpt-5", 3, 3),
        ("gpt-5-nano", 3, 3),
    ]
    shown = artifact()
    assert shown.startswith("3 of 1,000 rows tried")
    assert "mood right" in shown


def artifact() -> str:
    """The newest report on the server."""
    with get_client(sync_client=True) as client:
        wanted: Any = ArtifactFilter(key=ArtifactFilterKey(any_=[ARTIFACT]))
        found = client.read_artifacts(artifact_filter=wanted)
    return str(max(found, key=lambda one: one.created).data)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("pair", ["mood", "=label", "mood=nothing"], ids=["no column", "no field", "not there"])
def test_what_is_expected_of_nothing_is_refused(batch_server: BatchServer, growing: Path, pair: str) -> None:
    """Before anything is asked."""
    with pytest.raises(Refused, match=pair):
        openai_batch_trial(str(growing), REQUEST, expect=[pair])
    assert asked(batch_server) == []
