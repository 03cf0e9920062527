"""A receiver that runs, and a server that knows the batches it hears of."""

from collections.abc import Iterator

import pytest
from prefect_openai_batch.emulator import BatchServer

from .receiving import SECRET, Receiver, receiving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchServer]:
    with BatchServer(data=tmp_path_factory.mktemp("server")) as batch_server:
        yield batch_server


@pytest.fixture(scope="module")
def environment(prefect_server: str, prefect_environment: dict[str, str], server: BatchServer) -> dict[str, str]:
    return {
        **prefect_environment,
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "test",
        "OPENAI_WEBHOOK_SECRET": SECRET,
    }


@pytest.fixture(scope="module")
def receiver(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("receiver"), environment) as started:
        yield started
