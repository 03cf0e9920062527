"""A server whose clock stands still, a connection to it, and pauses that cost no time."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from prefect_openai_batch import ChatRequest
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.files.items_by_hand import write_items
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.tasks.remote.connection import Connection
from prefect_openai_batch.tasks.remote.tries import brief_pauses


@pytest.fixture(autouse=True)
def _brief_pauses() -> Iterator[None]:
    with brief_pauses(0.05):
        yield


@pytest.fixture
def server() -> Iterator[BatchServer]:
    """A server whose clock stands still."""
    with BatchServer(speed=0) as running:
        yield running


@pytest.fixture
def connection(server: BatchServer) -> Iterator[Connection]:
    """A connection to it."""
    with openai.OpenAI(base_url=server.base_url, api_key="test") as client:
        yield Connection(client)


@pytest.fixture
def file(tmp_path: Path) -> InputFile:
    """An input file of a job."""
    items = [ChatRequest(model="gpt-5-mini", prompt="Say it.").item("item")]
    return write_items(items, Folder(str(tmp_path))).model_copy(update={"job_key": "job"})
