"""A slice of the crash matrix, always the same: the job is killed at some points, and started again."""

import subprocess
import sys

import pytest

from ..conftest import ROOT

POINTS = 4
"""Each is tried with the job folder and without; they take half a minute."""


@pytest.mark.server
@pytest.mark.timeout(1800)
def test_a_job_that_is_killed_pays_once_and_loses_nothing(prefect_environment: dict[str, str]) -> None:
    """With its folder or with its key alone: each item billed once, all rows in order, no remote file left."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.matrices.crash_matrix",
        "--points",
        str(POINTS),
        "--seed",
        "slice",
    ]
    done = subprocess.run(command, cwd=ROOT, env=prefect_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"chosen {POINTS}, tried {POINTS}" in done.stdout
