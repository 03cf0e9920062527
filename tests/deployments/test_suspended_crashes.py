"""A slice, always the same, of what is killed while jobs wait suspended; `make matrix` kills the rest."""

import subprocess
import sys

import pytest

from ..conftest import ROOT

SLICE = ("--moments", "1", "--kills", "1", "--seed", "slice")
"""They take a minute or two."""


@pytest.mark.server
@pytest.mark.timeout(1800)
def test_whatever_is_killed_the_job_ends_well_without_a_hand(prefect_environment: dict[str, str]) -> None:
    """Every row answered, each item billed once, no remote file left."""
    command = [sys.executable, "-m", "benchmarks.matrices.suspended_crashes", *SLICE]
    done = subprocess.run(command, cwd=ROOT, env=prefect_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 tried, 2 held" in done.stdout
