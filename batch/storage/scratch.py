"""Scratch space on this machine's disk: it holds people's data, and goes with its block or its process."""

import shutil
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

SCRATCH = "prefect-openai-batch-"
"""How the names of scratch folders begin."""

FORGOTTEN_SECONDS = 30 * 86_400
"""OpenAI keeps a batch's files no longer either."""


def scratch_folder() -> TemporaryDirectory[str]:
    """A new folder that goes when its block ends."""
    remove_forgotten()
    return TemporaryDirectory(prefix=SCRATCH)


@cache
def remove_forgotten() -> None:
    """Remove, once a process, what others left that did not come to their end and is `FORGOTTEN_SECONDS` old."""
    for left in Path(gettempdir()).glob(f"{SCRATCH}*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > FORGOTTEN_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
