"""A run that is killed at any moment goes on when it is retried on the server: a sample of the crash matrix."""

import signal
from pathlib import Path
from typing import Any, Literal

import httpx
import pandas as pd
import pytest
from prefect_openai_batch.emulator import BatchServer, RouteFault

from ..conftest import wait_until
from .support import flow_run_process, parameters, retry_after_crash, start, state, wait_for_state

pytestmark = pytest.mark.server

POINTS: list[tuple[str, Literal["before", "after"]]] = [
    ("POST */batches", "after"),
    ("GET */content", "before"),
]


@pytest.mark.parametrize(("route", "when"), POINTS, ids=[f"{when} {route}" for route, when in POINTS])
def test_a_run_killed_there_is_retried_and_billed_once(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    tmp_path: Path,
    route: str,
    when: Literal["before", "after"],
) -> None:
    """Every row has its answer, each item is billed once, nothing is left behind."""
    with BatchServer(data=tmp_path / "server") as server:
        server.fail(RouteFault(kind="hang", route=route, when=when, calls=(1,), seconds=120))
        run_id = start(api, server, parameters(tmp_path, {"settle_seconds": 2}))
        method, path = route.split(" *")
        wait_until(lambda: held(server, method, path), worker.read_text)
        flow_run_process(run_id).send_signal(signal.SIGKILL)
        wait_for_state(api, run_id, "Crashed", worker=worker)
        server.fail()
        retry_after_crash(api, run_id, worker)
        wait_for_state(api, run_id, "Completed", "Partial", "Failed", worker=worker)
        assert state(api, run_id) == "Completed"
        assert server.bill()["executed"] == server.bill()["billed"] == 240
        assert server.bill()["billed_more_than_once"] == []
        assert server.state()["files"] == []
        assert pd.read_parquet(tmp_path / "answers.parquet")["answer"].notna().sum() == 240


def held(server: BatchServer, method: str, path: str) -> bool:
    """Whether the server holds such a request, without an answer."""
    return any(
        request["method"] == method and path in request["path"] and request["status"] is None
        for request in server.requests()
    )
