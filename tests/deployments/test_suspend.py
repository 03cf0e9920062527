"""A run that waits suspended has no process; whatever wakes it, each item is billed once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from prefect_openai_batch.emulator import BatchServer, ServerSettings
from prefect_openai_batch.emulator.settings import Timing

from ..conftest import ROOT, wait_until
from .support import flow_run_processes, parameters, start, state, task_runs, wait_for_state

pytestmark = pytest.mark.server

HOUR = 3600.0
MODELS = ("gpt-5-mini", "gpt-5-nano", "gpt-4o-mini")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BatchServer]:
    """A server whose batches take eight hours each, on a clock that is moved by hand."""
    timing = Timing(validating=60, running=8 * HOUR - 120, finalizing=60)
    with BatchServer(ServerSettings(data=tmp_path / "server", speed=0, timing=timing)) as running:
        yield running


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    """Parameters of a job of three batches, one at a time: a day."""
    table = pd.read_csv(ROOT / "examples" / "reviews.csv")
    table["model"] = [MODELS[row % 3] for row in range(len(table))]
    table.to_parquet(tmp_path / "reviews.parquet")
    return parameters(
        tmp_path,
        source={"path": str(tmp_path / "reviews.parquet")},
        request={"kind": "chat", "model": "{{ model }}", "prompt": "Positive or negative? {{ review }}"},
        wait="suspend",
        in_flight=1,
    )


def suspended(api: httpx.Client, run_id: str, worker: Path) -> None:
    """Wait until a run is suspended and its process is gone."""
    wait_for_state(api, run_id, "Suspended", worker=worker)
    wait_until(lambda: not flow_run_processes(run_id), 30, worker.read_text)


def test_a_day_is_waited_for_without_a_process(
    api: httpx.Client,
    deployed: dict[str, Any],
    worker: Path,
    server: BatchServer,
    wanted: dict[str, Any],
    tmp_path: Path,
) -> None:
    """The wake flow resumes it only when there is something to do; what is done is not done again."""
    run_id = start(api, server, wanted)
    for _ in MODELS:
        suspended(api, run_id, worker)
        known = state_id(api, run_id)
        wake(api, server, worker)
        assert state_id(api, run_id) == known
        server.advance(8 * HOUR)
        assert not flow_run_processes(run_id)
        wake(api, server, worker)
        moved(api, run_id, known, worker)
    wait_for_state(api, run_id, "Completed", "Partial", "Failed", "Crashed", worker=worker)
    check_whole(api, server, run_id, tmp_path)


def wake(api: httpx.Client, server: BatchServer, worker: Path) -> None:
    run_id = start(api, server, {}, "wake")
    wait_for_state(api, run_id, "Completed", "Failed", "Crashed", worker=worker)
    assert state(api, run_id) == "Completed"


def moved(api: httpx.Client, run_id: str, known: str, worker: Path) -> None:
    """Wait until a run has another state than the one that is known."""
    wait_until(lambda: state_id(api, run_id) != known, 90, worker.read_text)


def state_id(api: httpx.Client, run_id: str) -> str:
    return str(api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state_id"])


def check_whole(api: httpx.Client, server: BatchServer, run_id: str, folder: Path) -> None:
    """Every row has its answer, each item was submitted and billed once, nothing is left behind."""
    assert state(api, run_id) == "Completed"
    answers = pd.read_parquet(folder / "answers.parquet")
    assert len(answers) == 240
    assert answers["answer"].notna().all()
    assert server.bill()["executed"] == server.bill()["billed"] == 240
    assert server.bill()["billed_more_than_once"] == []
    assert server.state()["files"] == []
    names = [run["name"].rsplit("-", 1)[0] for run in task_runs(api, run_id)]
    counted = {name: names.count(name) for name in set(names)}
    assert counted["read-source"] == counted["write-results"] == 1
    assert counted["submit-batch"] == counted["fetch-output"] == len(MODELS)
    assert {run["state_type"] for run in task_runs(api, run_id)} == {"COMPLETED"}
