"""A slice of `benchmarks/databases/sql_reading.py`, whose table shows 200,000 rows of both databases."""

import subprocess
import sys

from ..conftest import ROOT


def test_memory_does_not_grow_with_the_table() -> None:
    """Ten times the rows, of 20 MB in all, take about what the tenth of them do."""
    sizes = ("--databases", "sqlite", "--rows", "5000", "50000")
    command = [sys.executable, "-m", "benchmarks.databases.sql_reading", *sizes]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "memory is flat" in done.stdout
