"""The bill of whole jobs, against the account that the server keeps of its own."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas as pd
import pytest
from prefect_openai_batch import ChatRequest, EmbeddingRequest, JobReport, ResponsesRequest
from prefect_openai_batch.emulator import BatchServer, Reply

from ..conftest import Run

pytestmark = pytest.mark.server


def with_usage(shape: Callable[[int, int, int, int], dict[str, Any]]) -> Callable[[dict[str, Any]], Reply]:
    """Answers whose usage depends on what is asked; one prompt in five is very long."""

    def answer(body: dict[str, Any]) -> Reply:
        number = crc32(str(body.get("messages", body.get("input"))).encode())
        sent = 272_000 + number % 3 if number % 5 == 0 else 100 + number % 1_000
        cached, thought = sent // (2 + number % 3), number % 700
        return Reply(body={"model": body["model"], **shape(sent, cached, thought + number % 50, thought)})

    return answer


def chat_body(sent: int, cached: int, got: int, thought: int) -> dict[str, Any]:
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Fine."}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": sent,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens": got,
            "completion_tokens_details": {"reasoning_tokens": thought},
        },
    }


def response_body(sent: int, cached: int, got: int, thought: int) -> dict[str, Any]:
    message = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Fine."}]}
    return {
        "object": "response",
        "status": "completed",
        "output": [message],
        "usage": {
            "input_tokens": sent,
            "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": (sent - cached) // 3},
            "output_tokens": got,
            "output_tokens_details": {"reasoning_tokens": thought},
        },
    }


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A table whose rows name models of every kind of price: plain, tiered, with a price for writing the cache."""
    path = tmp_path / "models.csv"
    names = ["gpt-5", "gpt-4.1", "gpt-5.4", "gpt-6-astra"]
    pd.DataFrame([{"model": names[row % 4], "text": f"Text {row}"} for row in range(40)]).to_csv(path, index=False)
    return path


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., BatchServer]]:
    """A server with these answers, asked from now on."""
    servers: list[BatchServer] = []

    def serve(answer: Any) -> BatchServer:
        server = BatchServer(answer=answer).__enter__()
        servers.append(server)
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "test")
        return server

    yield serve
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("kind", "shape"), [(ChatRequest, chat_body), (ResponsesRequest, response_body)], ids=["chat", "responses"]
)
def test_the_bill_is_the_server_s(
    kind: Any, shape: Any, models: Path, tmp_path: Path, run: Run, served: Callable[..., BatchServer]
) -> None:
    """To the last digit, model by model and by row, with cached input, reasoning and long prompts."""
    server = served(with_usage(shape))
    report: JobReport = run(models, kind(model="{{ model }}", prompt="{{ text }}", keep_cost=True))
    assert report.bill is not None
    assert str(report.bill.cost_usd) == str(Decimal(server.bill()["usd"]).quantize(Decimal("1e-12")))
    by_model = pd.DataFrame(server.billed_items()).assign(usd=lambda lines: lines["usd"].map(Decimal))
    assert {one.model: one.cost_usd for one in report.bill.models} == by_model.groupby("model")[
        "usd"
    ].sum().to_dict()
    assert sum(pd.read_parquet(tmp_path / "answers.parquet")["cost_usd"]) == report.bill.cost_usd
    assert sum(one.costs.reasoning_usd for one in report.bill.models) > 0


def test_embeddings_without_a_batch_price_are_not_guessed(
    reviews: Path, tmp_path: Path, run: Run, batch_api: BatchServer
) -> None:
    """Their bill is unknown, and not 0; what calls one by one would have cost is known."""
    request = EmbeddingRequest(model="text-embedding-3-small", input="{{ review }}", keep_cost=True)
    report = run(reviews, request)
    assert report.bill is not None
    assert (report.bill.cost_usd, report.bill.unpriced, batch_api.bill()["unpriced"]) == (None, 30, 30)
    assert report.bill.synchronous_usd == Decimal("0.02") * report.tokens.input_tokens / 1_000_000
    assert pd.read_parquet(tmp_path / "answers.parquet")["cost_usd"].isna().all()
