"""Ways of doing the same work, run in turns as programs of their own, so that all meet the same machine.

Each program ends with one line of JSON: `{"rows": …, "processor_seconds": …}`, measured around the work alone,
without its imports. Where it tells `seconds` too, those are of a clock.
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median

Program = Sequence[str]

LIBRARIES = ("prefect", "openai", "pandas", "pyarrow", "orjson", "msgspec")


@dataclass(frozen=True)
class Taken:
    """What one run took for the work alone: seconds of a processor, and of a clock where it told them."""

    rows: int
    processor_seconds: float
    seconds: float | None = None


def in_turns(ways: Mapping[str, Program], repeat: int = 5) -> dict[str, list[Taken]]:
    """What each way took in each of its runs, which come in turns.

    Raises:
        CalledProcessError: a program failed.
    """
    taken: dict[str, list[Taken]] = {name: [] for name in ways}
    for _ in range(repeat):
        for name, program in ways.items():
            taken[name].append(run(program))
    return taken


def run(program: Program) -> Taken:
    """What one program took, as its last line says.

    Raises:
        CalledProcessError: it failed.
    """
    said = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True).stdout
    told = json.loads(said.strip().splitlines()[-1])
    return Taken(told["rows"], told["processor_seconds"], told.get("seconds"))


def medians(taken: Mapping[str, Sequence[Taken]]) -> dict[str, float]:
    """The median of the processor seconds of each way."""
    return {name: median(one.processor_seconds for one in runs) for name, runs in taken.items()}


def machine() -> str:
    """The machine and the libraries, in one line."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    cores = f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB"
    return f"{cores}, Python {sys.version.split()[0]}, {libraries}"
