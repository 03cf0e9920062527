"""Folders for what is made by hand, outside any job: they go with their process."""

import atexit
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir, mkdtemp

from .storage.folders import Folder

TEMPORARY = "prefect-openai-batch-"
"""How the names of temporary folders begin."""

FORGOTTEN_SECONDS = 30 * 86_400
"""OpenAI keeps a batch's files no longer either."""


def temporary_folder() -> Folder:
    """A new folder for what is made by hand; it goes with this process.

    What processes left that did not come to their end goes when it is `FORGOTTEN_SECONDS` old.
    """
    for left in Path(gettempdir()).glob(f"{TEMPORARY}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    path = mkdtemp(prefix=TEMPORARY)
    atexit.register(_remove_own, path, os.getpid())
    return Folder(path)


def _remove_own(path: str, process: int) -> None:
    """A process that was forked off leaves to the first one what is its."""
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
