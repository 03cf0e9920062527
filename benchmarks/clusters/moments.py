"""When a process is killed: while items are built, a batch is submitted, an output is fetched."""

import time
from collections.abc import Callable
from typing import Any

import fsspec
from prefect_openai_batch.emulator import BatchServer, RouteFault

MOMENTS = ("build", "submit", "fetch")

HANG_SECONDS = 3.0
"""The first creation, or the first download, takes so long: the kill falls into it."""

BUILD_SECONDS = 0.2
"""So long after the rows are read workers build items; in an object store nothing of them is seen before."""

FAULTS: dict[str, list[RouteFault]] = {
    "build": [],
    "submit": [RouteFault(kind="hang", route="POST */batches", seconds=HANG_SECONDS, calls=(1,))],
    "fetch": [RouteFault(kind="hang", route="GET */content", seconds=HANG_SECONDS, calls=(1,))],
}


def await_moment(moment: str, server: BatchServer, storage: str, goes_on: Callable[[], bool]) -> None:
    """Wait for a moment of the one job of a storage.

    Raises:
        RuntimeError: the job has ended before.
    """
    while not _has_come(moment, server, storage):
        if not goes_on():
            raise RuntimeError(f"the job has ended before the moment of {moment}")
        time.sleep(0.01)
    if moment == "build" and _is_remote(storage):
        time.sleep(BUILD_SECONDS)


def _has_come(moment: str, server: BatchServer, storage: str) -> bool:
    if moment == "build":
        files = fsspec.filesystem("s3" if _is_remote(storage) else "file", skip_instance_cache=True)
        sign = "rows.json" if _is_remote(storage) else "rounds/1/*/.input.jsonl.*"
        return bool(files.glob(f"{storage}/*/{sign}"))
    method, ending = ("POST", "/batches") if moment == "submit" else ("GET", "/content")
    return any(one["method"] == method and one["path"].endswith(ending) for one in _requests(server))


def _is_remote(storage: str) -> bool:
    return storage.startswith("s3:")


def _requests(server: BatchServer) -> list[dict[str, Any]]:
    """The server's log, read again where it has grown meanwhile."""
    while True:
        try:
            return server.requests()
        except RuntimeError:
            continue
