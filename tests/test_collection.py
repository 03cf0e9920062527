"""The suite is the same whoever collects it: each of several processes, at any second."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COLLECT = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", "not external"]
SPELT_OUT = re.compile(r"[ !-\[\]-~]{1,80}")
"""An id in words: short, ASCII, and no content that had to be escaped."""


def collecting(seed: str) -> subprocess.Popen[str]:
    """A process of its own that prints the tests' ids, hashing by a seed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    environment = {**kept, "PYTHONHASHSEED": seed}
    return subprocess.Popen(COLLECT, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def collections() -> list[list[str]]:
    """The tests' ids as two processes collect them, seconds apart and under two hash seeds."""
    with collecting("1") as first:
        time.sleep(2)
        with collecting("2") as second:
            printed = [process.communicate()[0] for process in (first, second)]
    return [[line for line in one.splitlines() if "::" in line] for one in printed]


def test_the_same_tests_are_collected_every_time(collections: list[list[str]]) -> None:
    """Else pytest-xdist ends before it has begun: its processes collected different tests."""
    first, second = collections
    assert first == second
    assert len(first) > 500


def test_ids_are_spelt_out(collections: list[list[str]]) -> None:
    """None is made of content, which may hold a time, a hash or what no terminal shows."""
    cases = [name.partition("[")[2].removesuffix("]") for name in collections[0] if "[" in name]
    assert [case for case in cases if not SPELT_OUT.fullmatch(case)] == []
