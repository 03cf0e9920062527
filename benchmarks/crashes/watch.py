"""The audit hook of the process under test: it notes each change to a file, and kills at one of them."""

import json
import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from .points import Point, name_path

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_TARGET = {
    "open": 0,
    "os.link": 1,
    "os.mkdir": 0,
    "os.remove": 0,
    "os.rename": 1,
    "os.rmdir": 0,
    "os.symlink": 1,
    "os.truncate": 0,
}
"""Python's audit events that change files, each with the place of the path that changes."""


class Watch:
    """Notes changes under some folders, one JSON line each, before they happen.

    Args:
        record: Where they are noted.
        folders: The folders that are watched, each with the name it bears in a point.
        kill_at: Where to kill this process, before the change; None lets it live.
    """

    def __init__(self, record: Path, folders: dict[str, Path], kill_at: Point | None) -> None:
        self._folders = {f"{path}/": name for name, path in folders.items()}
        self._kill_at = kill_at
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """The audit hook."""
        if event not in _TARGET:
            return
        path = self._changed(event, arguments)
        if path is None:
            return
        what = f"{event.removeprefix('os.')} {path}"
        with self._lock:
            self._calls[what] += 1
            call = self._calls[what]
        os.write(self._record, json.dumps({"at": time.time(), "what": what, "call": call}).encode() + b"\n")
        if self._kill_at == Point(what, call):
            os.kill(os.getpid(), signal.SIGKILL)

    def _changed(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        """The name of the watched path that is about to change; None where nothing is."""
        path = arguments[_TARGET[event]]
        if not isinstance(path, str | bytes | os.PathLike) or (event == "open" and not arguments[2] & _WRITING):
            return None
        full = os.fsdecode(path)
        if event == "os.mkdir" and os.path.isdir(full):  # noqa: PTH112  # a Path would cost more than the hook
            return None
        for folder, name in self._folders.items():
            if full.startswith(folder):
                return name_path(f"{name}/{full.removeprefix(folder)}")
        return None


def read_changes(record: Path) -> list[dict[str, Any]]:
    """What a watch has noted."""
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
