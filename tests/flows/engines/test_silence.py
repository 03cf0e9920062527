"""A task that no worker can run: the log tells that it is waited for."""

import time
from threading import Timer
from typing import Any

import pytest
from distributed import LocalCluster
from prefect import flow, task
from prefect_dask.task_runners import DaskTaskRunner
from prefect_openai_batch.flows.engines import silence
from prefect_openai_batch.flows.engines.handed import Handed


@pytest.mark.server
def test_a_cluster_without_a_worker_is_told_of(
    prefect_server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At first soon, then seldom, until a worker has come."""
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.1)

    @task
    def answers() -> int:
        return 5

    no_worker: dict[str, Any] = {"n_workers": 0, "processes": False, "dashboard_address": None}
    with LocalCluster(**no_worker) as cluster:  # type: ignore[no-untyped-call]
        on_it: Any = DaskTaskRunner(address=cluster.scheduler_address)

        @flow(task_runner=on_it)
        def hand_over() -> int:
            return Handed(answers).result()

        Timer(3, cluster.scale, [1]).start()
        assert hand_over() == 5
    told = [one.message for one in caplog.records if "no worker of the flow's engine" in one.message]
    assert told[0].startswith("answers has not ended after 0 s")
    assert 2 < len(told) < 12


@pytest.mark.server
def test_threads_are_not_told_of(
    prefect_server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They need no worker: who waits for them waits for what they do."""
    monkeypatch.setattr(silence, "SILENT_SECONDS", 0.1)

    @task
    def takes_long() -> None:
        time.sleep(0.5)

    @flow
    def hand_over() -> None:
        Handed(takes_long).result()

    hand_over()
    assert [one for one in caplog.records if "has not ended" in one.message] == []
