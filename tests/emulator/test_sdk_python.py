"""OpenAI's own Python SDK through the whole cycle, sync and async."""

import asyncio
from collections.abc import Callable

import openai
import pytest
from openai.types import Batch
from prefect_openai_batch.emulator import RouteFault

from .support import Api, chat_items, jsonl

Start = Callable[..., Api]
CONTENT = jsonl(chat_items(30))


@pytest.fixture
def api(start_server: Start) -> Api:
    """A server on the true clock, in a hurry."""
    return start_server(
        speed=1, timing={"validating": 0.05, "running": 0.05, "finalizing": 0.05, "cancelling": 0.05}
    )


def test_sync(api: Api) -> None:
    """Upload, create, wait, list, read, cancel, delete."""
    with openai.OpenAI(base_url=api.server.base_url, api_key="any") as client:
        assert client.models.retrieve("gpt-4o-mini").id == "gpt-4o-mini"
        file = client.files.create(file=("in.jsonl", CONTENT), purpose="batch")
        assert client.files.wait_for_processing(file.id).bytes == len(CONTENT)
        batch = client.batches.create(
            input_file_id=file.id,
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={"job": "a"},
            output_expires_after={"anchor": "created_at", "seconds": 3600},
        )
        while (done := client.batches.retrieve(batch.id)).status != "completed":
            pass
        _check(done)
        assert done.output_file_id is not None
        assert len(client.files.content(done.output_file_id).text.splitlines()) == 30
        second = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        assert client.batches.cancel(second.id).status == "cancelling"
        assert [listed.id for listed in client.batches.list(limit=1)] == [second.id, batch.id]
        assert {listed.id for listed in client.files.list()} >= {file.id, done.output_file_id}
        assert client.files.delete(file.id).deleted
        with pytest.raises(openai.NotFoundError, match="No such File object"):
            client.files.retrieve(file.id)
        with pytest.raises(openai.ConflictError, match="Cannot cancel"):
            client.with_options(max_retries=0).batches.cancel(batch.id)


def _check(done: Batch) -> None:
    assert done.request_counts is not None
    assert (done.request_counts.total, done.request_counts.completed) == (30, 30)
    assert done.usage is not None
    assert done.usage.total_tokens > 0
    assert done.metadata == {"job": "a"}
    assert done.model == "gpt-4o-mini-2024-07-18"


async def test_async(api: Api) -> None:
    """The same with the async client."""
    async with openai.AsyncOpenAI(base_url=api.server.base_url, api_key="any") as client:
        file = await client.files.create(file=("in.jsonl", CONTENT), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"job": "a"}
        )
        while (done := await client.batches.retrieve(batch.id)).status != "completed":
            await asyncio.sleep(0.01)
        _check(done)
        assert done.output_file_id is not None
        content = await client.files.content(done.output_file_id)
        assert len(content.text.splitlines()) == 30
        assert [listed.id async for listed in client.batches.list()] == [batch.id]
        await client.files.delete(file.id)


def test_uploads_in_chunks(api: Api) -> None:
    """`upload_file_chunked`, which uses the Uploads API."""
    with openai.OpenAI(base_url=api.server.base_url, api_key="any") as client:
        upload = client.uploads.upload_file_chunked(
            file=CONTENT,
            filename="in.jsonl",
            bytes=len(CONTENT),
            mime_type="application/jsonl",
            purpose="batch",
            part_size=1000,
        )
        assert upload.file is not None
        assert client.files.content(upload.file.id).content == CONTENT


def test_its_retries(api: Api) -> None:
    """A 500 and a short Retry-After are retried; one of more than two minutes is not."""
    with openai.OpenAI(base_url=api.server.base_url, api_key="any") as client:
        api.server.fail(RouteFault(kind="http_error", status=429, retry_after=0.01, times=2))
        client.batches.list()
        api.server.fail(RouteFault(kind="http_error", status=429, retry_after=121))
        before = len(api.server.requests())
        with pytest.raises(openai.RateLimitError):
            client.batches.list()
        assert len(api.server.requests()) == before + 1


def test_a_retried_creation_makes_twins(api: Api) -> None:
    """An answer lost after the effect: the SDK posts again, and there are two batches, as on OpenAI."""
    with openai.OpenAI(base_url=api.server.base_url, api_key="any") as client:
        file = client.files.create(file=("in.jsonl", CONTENT), purpose="batch")
        api.server.fail(RouteFault(kind="cut", route="POST */batches", when="after", times=1))
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        batches = list(client.batches.list())
        assert len(batches) == 2
        while any(client.batches.retrieve(batch.id).status != "completed" for batch in batches):
            pass
    assert len(api.server.bill()["billed_more_than_once"]) == 30
