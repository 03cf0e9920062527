"""A server whose clock is moved by hand, and its client."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect_openai_batch.emulator import BatchServer, Clock

from .support import Api

START = 1_790_000_000.0

Stop = Callable[[BatchServer], None]


@pytest.fixture(scope="session")
def stop_later() -> Iterator[Stop]:
    """Stops servers beside the next tests: each takes a fifth of a second, which adds up."""
    stopping: list[threading.Thread] = []

    def stop(server: BatchServer) -> None:
        thread = threading.Thread(target=server.stop)
        thread.start()
        stopping.append(thread)

    yield stop
    for thread in stopping:
        thread.join()


@pytest.fixture
def start_server(stop_later: Stop) -> Iterator[Callable[..., Api]]:
    """Starts servers with options; their clocks are moved by hand unless a speed or clock is given."""
    apis: list[Api] = []

    def start(**options: Any) -> Api:
        if "clock" not in options and "speed" not in options:
            options["clock"] = Clock(speed=0, start=START)
        server = BatchServer(**options)
        server.start()
        apis.append(Api(server))
        return apis[-1]

    yield start
    for api in apis:
        api.http.close()
        stop_later(api.server)


@pytest.fixture
def api(start_server: Callable[..., Api]) -> Api:
    """The client of a server whose clock is moved by hand."""
    return start_server()
