"""A small table, and the flow on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, JobReport, RunOptions, openai_batch

REVIEW = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}")

Run = Callable[..., JobReport]


def with_options(parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a flow, those that are a run's options put together."""
    wishes = {name: value for name, value in parameters.items() if name in RunOptions.model_fields}
    others = {name: value for name, value in parameters.items() if name not in wishes}
    return {**others, "options": RunOptions(**wishes)}


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    """A small table."""
    path = tmp_path / "reviews.csv"
    rows = [{"number": f"{number:03}", "review": f"Review {number}: I like it."} for number in range(30)]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture
def by_model(tmp_path: Path) -> Path:
    """A table whose rows name three models: three input files."""
    path = tmp_path / "models.csv"
    models = ["gpt-5", "gpt-5-mini", "gpt-5-nano"]
    rows = [{"model": models[number % 3], "review": f"Review {number}: I like it."} for number in range(30)]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture
def run(tmp_path: Path, prefect_server: str) -> Run:
    """The flow on a table, in this process; options are its parameters."""

    def run_flow(source: Path, request: Any = REVIEW, **options: Any) -> JobReport:
        chosen = {
            "destination": str(tmp_path / "answers.parquet"),
            "job_key": "job",
            "storage": str(tmp_path / "jobs"),
            "poll_seconds": 0.1,
            "settle_seconds": 1.0,
            **options,
        }
        report: JobReport = openai_batch(str(source), request, **with_options(chosen))
        return report

    return run_flow
