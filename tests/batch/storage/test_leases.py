"""Work that one process at a time does: also where the storage is away, or several would take it over."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from fsspec.implementations.memory import MemoryFileSystem
from prefect_openai_batch.batch import leases
from prefect_openai_batch.batch.leases import Holder, Lease
from prefect_openai_batch.batch.processes import this_process
from prefect_openai_batch.batch.storage.awaiting import storage_awaited
from prefect_openai_batch.batch.storage.folders import Folder

NAME = "working.json"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    """A folder in an object store, and no patience."""
    monkeypatch.setattr(leases, "RENEWED_SECONDS", 0.4)
    monkeypatch.setattr(leases, "GONE_SECONDS", 2.0)
    monkeypatch.setattr(leases, "LOOK_SECONDS", 0.05)
    folder = Folder("memory://leases/job")
    yield folder
    folder.remove()


def lease(folder: Folder) -> Lease:
    return Lease(folder, NAME, "works")


def nothing() -> None:
    """Nothing has come of the work yet."""


def test_what_fails_once_the_work_is_ones_own_gives_it_back(folder: Folder) -> None:
    """Else it would be said of it that it is at work for as long as its process lives, and all others waited."""

    def done() -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        lease(folder).take(done)
    assert not folder.exists(NAME)
    assert threading.active_count() == before


def test_who_could_not_be_heard_of_while_the_storage_was_away_is_at_work_still(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could not say so, and says so again in a moment; whoever waits goes on to."""
    away = threading.Event()

    def or_away(operation: Any) -> Any:
        def done(*args: Any, **kwargs: Any) -> object:
            if away.is_set():
                raise EndpointConnectionError(endpoint_url="http://lake:9000")
            return operation(*args, **kwargs)

        return done

    for name in ("pipe_file", "cat_file", "open"):
        monkeypatch.setattr(MemoryFileSystem, name, or_away(getattr(MemoryFileSystem, name)))
    mine, others = lease(folder), lease(folder)
    assert mine.take(nothing) is None

    def wait_for_it() -> None:
        with storage_awaited(lambda _: time.sleep(0.01)):
            others.take(nothing)

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(wait_for_it)
        time.sleep(0.3)
        away.set()
        time.sleep(2 * leases.GONE_SECONDS)
        away.clear()
        time.sleep(leases.GONE_SECONDS)
        assert not other.done()
        assert (mine.is_held(), mine.is_lost) == (True, False)
        mine.give_back()
        other.result(timeout=60)
    assert others.is_held()
    others.give_back()


def test_of_two_that_take_over_from_one_who_is_gone_one_has_it(folder: Folder) -> None:
    """The later takes away what the first has just claimed: the first looks again, and waits."""
    me = "from prefect_openai_batch.batch.processes import this_process; print(this_process())"
    if this_process() is None:
        pytest.skip("this system does not tell who is gone")
    told = subprocess.run([sys.executable, "-c", me], capture_output=True, text=True, check=True)
    folder.write(NAME, Holder(name="killed", process=told.stdout.strip()))
    first, later = lease(folder), lease(folder)
    leases.LOOK_SECONDS = 2.0  # the fixture puts it back
    with ThreadPoolExecutor(1) as threads:
        taking = threads.submit(first.take, nothing)
        while (known := folder.read(NAME, Holder)) is None or known.name == "killed":
            time.sleep(0.01)
        folder.remove_file(NAME)
        assert later.take(nothing) is None
        time.sleep(1.5 * leases.LOOK_SECONDS)
        assert not taking.done()
        assert later.is_held()
        later.give_back()
        assert taking.result(timeout=60) is None
    assert first.is_held()
    first.give_back()
