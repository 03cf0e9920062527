"""An engine that is away when it is to be given its first task."""

import socket
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect_dask.task_runners import DaskTaskRunner
from prefect_openai_batch import RunOptions, openai_batch
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.engines.handed import Handed

from ..conftest import BY_MODEL


def closed_address() -> str:
    """An address of this machine at which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{bound.getsockname()[1]}"


def on_dask(address: str) -> Any:
    """A runner for a Dask cluster; its client tries a second, and not half a minute."""
    return DaskTaskRunner(address=address, client_kwargs={"timeout": "1s"})


@pytest.mark.server
@pytest.mark.parametrize(
    "address",
    [closed_address(), "tcp://127.0.0.1:18786x", "tpc://127.0.0.1:8786"],
    ids=["nobody listens", "no number", "no such scheme"],
)
def test_a_job_is_done_though_the_cluster_is_away(
    by_model: Path, prefect_server: str, batch_api: BatchServer, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    """In the flow's own process, and with one line for all its tasks, which names the address."""
    flow_on_dask = openai_batch.with_options(task_runner=on_dask(address))
    folder, options = by_model.parent, RunOptions(poll_seconds=0.1)
    assert flow_on_dask(str(by_model), BY_MODEL, storage=str(folder / "jobs"), options=options).complete
    assert len(batch_api.state()["batches"]) == 3
    told = [one.message for one in caplog.records if "run here" in one.message]
    assert len(told) == 1
    assert f"The flow's DaskTaskRunner at {address} takes no task" in told[0]
    tried = [one for one in caplog.records if one.message.startswith("Connecting to an existing Dask cluster")]
    assert len(tried) == 1


@pytest.mark.server
def test_what_a_task_itself_raises_is_raised_though_the_cluster_is_away(prefect_server: str) -> None:
    """Its own error of the same kind, from the one time that it is run."""
    done: list[str] = []

    @task
    def fails() -> None:
        done.append("done")
        raise OSError("no room")

    @flow(task_runner=on_dask(closed_address()))
    def hand_over() -> None:
        handed = Handed(fails)
        assert done == []
        with pytest.raises(OSError, match="no room"):
            handed.result()

    hand_over()
    assert done == ["done"]
