"""What a killed process has left beside a table that it was writing on a local disk; it holds people's data."""

import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

from ...storage.whole_files import hold, short_name

OLDER = ".older"
"""How the hidden name ends of a table that stands aside until the new one is in its place."""

YOUNG_SECONDS = 10.0
"""Between its making and its lock a file is nobody's: one that was changed so lately is left alone."""


def remove_dead_tries(target: Path) -> None:
    """Remove hidden files and folders that were to become the table at a path, and that nobody writes any more.

    Whoever writes holds them, and a process that dies lets go of them. What was the table goes, too, once there is
    another.
    """
    older = f"({re.escape(OLDER)})?" if target.exists() else ""
    names = re.compile(rf"\.{re.escape(short_name(target.name))}\.[0-9a-f]{{8}}{older}")
    found = target.parent.iterdir() if target.parent.is_dir() else ()
    for left in [path for path in found if names.fullmatch(path.name) and not path.is_symlink()]:
        with suppress(OSError):
            if not _is_dead(left):
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _is_dead(path: Path) -> bool:
    if time.time() - path.stat().st_mtime < YOUNG_SECONDS:
        return False
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return hold(descriptor)
    finally:
        os.close(descriptor)
