"""The suite is the same whoever collects it: each of several processes, at any second."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COLLECT = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", "not external"]
SPELT_OUT = re.compile(r"[ !-\[\]-~]{1,80}")
"""An id in words: short, ASCII, and no content that had to be escaped."""


@pytest.fixture(scope="module")
def collected() -> list[str]:
    """The tests' ids as another process collects them, under a hash seed of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    environment = {**kept, "PYTHONHASHSEED": "1"}
    printed = subprocess.run(COLLECT, cwd=ROOT, env=environment, capture_output=True, text=True).stdout
    return [line for line in printed.splitlines() if "::" in line]


def test_the_same_tests_are_collected_every_time(request: pytest.FixtureRequest, collected: list[str]) -> None:
    """Else pytest-xdist ends before it has begun: its processes collected different tests."""
    here = [item.nodeid for item in request.session.items if not item.get_closest_marker("external")]
    assert here == collected or len(here) < len(collected), "all of them, in another order"
    assert set(here) <= set(collected)
    assert len(collected) > 500


def test_ids_are_spelt_out(collected: list[str]) -> None:
    """None is made of content, which may hold a time, a hash or what no terminal shows."""
    cases = [name.partition("[")[2].removesuffix("]") for name in collected if "[" in name]
    assert [case for case in cases if not SPELT_OUT.fullmatch(case)] == []
