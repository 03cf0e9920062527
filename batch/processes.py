"""Which process of a machine one is, so that another one there can tell that it has ended.

Linux alone tells: by the kernel's start, the namespace that numbers its processes, the number, and when it began,
for numbers come again. Elsewhere, and of another machine or container, nothing is known.
"""

import os
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")

STATE, BEGUN = 0, 19
"""The places in what `/proc/PID/stat` says behind the process's name."""

OVER = ("Z", "X")
"""States of a process that has ended, and whose parent has not asked for its end yet."""


def this_process() -> str | None:
    """This process as no other is called, neither before nor after it; None where the system does not tell."""
    try:
        return f"{_numbered_by()} {os.getpid()} {_stat(os.getpid())[BEGUN]}"
    except (OSError, IndexError):
        return None


def has_ended(process: str | None) -> bool:
    """Whether a process, as `this_process` called it, is known to have ended; False where nobody can tell."""
    if process is None:
        return False
    numbered_by, number, begun = process.rsplit(" ", 2)
    try:
        if numbered_by != _numbered_by():
            return False
        os.kill(int(number), 0)
        stat = _stat(int(number))
    except ProcessLookupError:
        return True
    except (OSError, ValueError):  # another user's, of which nothing may be known
        return False
    return stat[BEGUN] != begun or stat[STATE] in OVER


def _numbered_by() -> str:
    """What numbers the processes here: a start of a kernel, and a namespace in it."""
    return f"{BOOT.read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"


def _stat(number: int) -> list[str]:
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
