"""A flow run that is cancelled in Prefect stops at OpenAI too, and what was finished and paid for is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect_openai_batch.emulator import BatchServer, Fault, RouteFault

from ..conftest import wait_until
from .support import asked, cancel, collector_of, ended, parameters, start, state, wait_for_state

pytestmark = pytest.mark.server

SLOW = "{% for a in range(300) %}{% for b in range(300) %}{% endfor %}{% endfor %}{{ review }}"
"""A prompt that takes long to build."""


def building(server: BatchServer, folder: Path) -> bool:
    return any(folder.glob("jobs/*/rows.json"))


def uploading(server: BatchServer, folder: Path) -> bool:
    return bool(asked(server, "POST", "/files"))


def waiting(server: BatchServer, folder: Path) -> bool:
    if not asked(server, "POST", "/batches"):
        return False
    server.advance(0.1)  # until about half of its lines have run
    return bool(server.bill()["billed"] > 100)


def fetching(server: BatchServer, folder: Path) -> bool:
    if asked(server, "POST", "/batches"):
        server.advance(1)
    return bool(asked(server, "GET", "/content"))


STATES: list[tuple[Callable[[BatchServer, Path], bool], list[Fault], str]] = [
    (building, [], SLOW),
    (uploading, [RouteFault(kind="hang", route="POST */files", seconds=60)], "{{ review }}"),
    (waiting, [], "{{ review }}"),
    (fetching, [RouteFault(kind="hang", route="GET */content", seconds=60, times=1)], "{{ review }}"),
]


@pytest.mark.parametrize(("reached", "faults", "prompt"), STATES, ids=[one[0].__name__ for one in STATES])
def test_a_cancelled_run_stops_at_openai_and_keeps_what_was_finished(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    still_server: BatchServer,
    tmp_path: Path,
    reached: Callable[[BatchServer, Path], bool],
    faults: list[Fault],
    prompt: str,
) -> None:
    """Its batches are cancelled, `collect_job` ends the job, every row says what it got."""
    server = still_server
    server.fail(*faults)
    request = {"kind": "chat", "model": "gpt-5-mini", "prompt": prompt}
    run_id = start(api, server, parameters(tmp_path, request=request, credentials="cancellation"))
    wait_until(lambda: reached(server, tmp_path), worker.read_text)
    cancel(api, run_id)
    server.fail()
    wait_for_state(api, run_id, "Cancelled", worker=worker)
    if reached is waiting:
        wait_until(lambda: bool(asked(server, "POST", "/cancel")), worker.read_text)
    billed = server.bill()["billed"]
    collector = collector_of(api, run_id, worker)
    wait_until(lambda: ended(api, server, collector), worker.read_text)
    assert state(api, collector) in ("Completed", "Partial")
    answers = pd.read_parquet(tmp_path / "answers.parquet")
    assert len(answers) == 240
    assert answers["answer"].notna().sum() == server.bill()["billed"] == billed
    assert set(answers.loc[answers["answer"].isna(), "outcome"]) <= {"cancelled"}
    assert {batch["status"] for batch in server.state()["batches"]} <= {"cancelled", "completed"}
    assert server.state()["files"] == []
