"""A small table, and the flow on it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import openai
import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, FileSource, JobReport, RunOptions, openai_batch
from prefect_openai_batch.emulator import BatchServer

REVIEW = ChatRequest(model="gpt-5-mini", prompt="Positive or negative? {{ review }}")
BY_MODEL = ChatRequest(model="{{ model }}", prompt="{{ review }}")

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

    def run_flow(source: Path | FileSource, request: Any = REVIEW, **options: Any) -> JobReport:
        chosen = {
            "destination": str(tmp_path / "answers.parquet"),
            "job_key": "job",
            "storage": str(tmp_path / "jobs"),
            "poll_seconds": 0.1,
            "settle_seconds": 1.0,
            **options,
        }
        table = source if isinstance(source, FileSource) else str(source)
        report: JobReport = openai_batch(table, request, **with_options(chosen))
        return report

    return run_flow


@contextmanager
def looked_at(monkeypatch: pytest.MonkeyPatch, *, seconds: float, **settings: Any) -> Iterator[BatchServer]:
    """A server that the environment names, on whose clock so many seconds pass at each look at the batches.

    So time goes as fast as the job looks, on a machine of any speed.
    """
    with BatchServer(speed=0, **settings) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        over = Event()
        passing = Thread(target=_let_time_pass, args=(server, seconds, over), name="looks", daemon=True)
        passing.start()
        try:
            yield server
        finally:
            over.set()
            passing.join()


def _let_time_pass(server: BatchServer, seconds: float, over: Event) -> None:
    seen = 0
    while not over.wait(0.02):
        looks = sum(one["method"] == "GET" and "/batches" in one["path"] for one in server.requests())
        if looks > seen:
            server.advance(seconds)
        seen = looks


def take_room(tokens: int) -> None:
    """Have another job's batch enqueue so many tokens."""
    body = '{"model":"gpt-5-mini","messages":[]}'
    line = f'{{"custom_id":"x","method":"POST","url":"/v1/chat/completions","body":{body}}}'
    metadata = {"job_key": "others", "model": "gpt-5-mini", "enqueued_tokens": str(tokens)}
    with openai.OpenAI() as client:
        file = client.files.create(file=("others.jsonl", line.encode()), purpose="batch")
        client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata=metadata,
        )
