"""A task that is handed to an engine: what is lost, and what fails every one."""

import tempfile
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from prefect import flow, task
from prefect.tasks import Task
from prefect_openai_batch.batch.progress import Progress, observed_by
from prefect_openai_batch.emulator import BatchServer
from prefect_openai_batch.flows.engines.handed import Handed

from ..conftest import BY_MODEL, Run


class OnABrokenPool(Task[Any, int]):
    """A task whose engine takes no more."""

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        raise BrokenProcessPool("a process is gone")


@pytest.mark.server
def test_what_the_engine_takes_no_more_is_done_when_it_is_asked_for(prefect_server: str) -> None:
    """Not while it is handed over: its error would pass by whoever is patient with it."""
    done: list[str] = []

    def fails() -> int:
        done.append("done")
        raise OSError("no room")

    @flow
    def hand_over() -> None:
        handed = Handed(OnABrokenPool(fails)).then(lambda: done.append("told"))
        assert handed.failure() is None
        assert done == []
        with pytest.raises(OSError, match="no room"):
            handed.result()
        assert done == ["done"]
        dropped = Handed(OnABrokenPool(fails))
        dropped.drop()
        assert done == ["done"]

    hand_over()


@pytest.mark.server
@pytest.mark.parametrize("fails", [False, True], ids=["done", "failed"])
def test_all_is_told_of_an_end_before_it_is_gone_on_from(prefect_server: str, *, fails: bool) -> None:
    """Once, however late the engine calls back: else the log would tell of it after what came of it."""
    told: list[str] = []
    late = Event()

    def call_back_late(_: object) -> None:
        late.wait(60)

    @task
    def ends() -> None:
        if fails:
            raise OSError("no room")

    @flow
    def hand_over() -> None:
        handed = Handed(ends)
        assert handed._future is not None
        handed._future.add_done_callback(call_back_late)
        handed.then(lambda: told.append("told"))
        handed.settle()
        assert told == ["told"]
        late.set()

    hand_over()
    assert told == ["told"]


@pytest.mark.server
def test_what_has_failed_is_known_without_waiting(prefect_server: str) -> None:
    """And what has not keeps its result."""

    @task
    def fails() -> None:
        raise OSError("no room")

    @task
    def answers() -> int:
        return 5

    @flow
    def hand_over() -> None:
        over = Event(), Event()
        bad, good = Handed(fails).then(over[0].set), Handed(answers).then(over[1].set)
        assert all(one.wait(60) for one in over)
        assert str(bad.failure()) == "no room"
        assert good.failure() is None
        assert good.result() == 5

    hand_over()


@pytest.mark.server
def test_no_more_is_sent_where_no_output_can_be_read(
    by_model: Path, run: Run, batch_api: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a worker's disk is full: batch after batch would be paid, and expire unread."""

    def fill_the_disk(news: Progress) -> None:
        if news.step == "upload" and news.advance:
            monkeypatch.setattr(tempfile, "tempdir", "/nowhere")

    with observed_by(fill_the_disk), pytest.raises(FileNotFoundError, match="/nowhere"):
        run(by_model, BY_MODEL, in_flight=1)
    assert len(batch_api.state()["batches"]) < 3
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert run(by_model, BY_MODEL).complete
    assert len(batch_api.state()["batches"]) == 3
