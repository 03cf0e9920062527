"""A server whose clock stands still, and a plain client of it."""

from collections.abc import Iterator

import openai
import pytest
from prefect_openai_batch.emulator import BatchServer


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """A server whose clock stands still."""
    with BatchServer(speed=0) as running:
        yield running


@pytest.fixture
def client(server: BatchServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="test") as opened:
        yield opened
