"""A request may be larger than what Prefect keeps of a call."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect_openai_batch import ChatRequest, openai_batch
from prefect_openai_batch.emulator import BatchServer

from ..conftest import REVIEW, Run

LARGE = REVIEW.model_copy(update={"system": "\u4f60" * 100_000})
"""600,000 bytes as Prefect counts them: each character is escaped."""


@pytest.mark.parametrize("options", [{}, {"retries": 1}], ids=["as it is", "with other options"])
def test_of_a_large_request_its_type_is_kept(options: dict[str, Any]) -> None:
    """Of any other all is."""
    flow = openai_batch.with_options(**options) if options else openai_batch
    assert flow.serialize_parameters({"request": LARGE, "job_key": "job"}) == {
        "request": "<ChatRequest>",
        "job_key": "job",
    }
    assert flow.serialize_parameters({"request": REVIEW})["request"]["prompt"] == REVIEW.prompt


@pytest.mark.server
def test_a_large_request_is_sent(run: Run, tmp_path: Path, batch_server: BatchServer, prefect_server: str) -> None:
    """Prefect's server refuses such parameters, and answers with all of them."""
    source = tmp_path / "reviews.csv"
    source.write_text("review\nGood.\nBad.\n")
    assert run(source, LARGE).complete
    runs = httpx.post(f"{prefect_server}/flow_runs/filter", json={"sort": "START_TIME_DESC"}).json()
    assert runs[0]["parameters"]["request"] == f"<{ChatRequest.__name__}>"
