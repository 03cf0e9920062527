"""Folders for what is made by hand, outside any job: they go with their process."""

import atexit
import os
import shutil
from tempfile import mkdtemp

from .storage.folders import Folder
from .storage.scratch import SCRATCH, remove_forgotten


def temporary_folder() -> Folder:
    """A new folder for what is made by hand; it goes with this process."""
    remove_forgotten()
    path = mkdtemp(prefix=SCRATCH)
    atexit.register(_remove_own, path, os.getpid())
    return Folder(path)


def _remove_own(path: str, process: int) -> None:
    """A process that was forked off leaves to the first one what is its."""
    if os.getpid() == process:
        shutil.rmtree(path, ignore_errors=True)
