"""A slice of `benchmarks/matrices/load_crashes.py`: a load is killed, and started again."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ...conftest import ROOT


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the matrix has of a load and its kills."""
    monkeypatch.syspath_prepend(ROOT)
    return import_module("benchmarks.loads.stage")


def test_a_load_that_is_killed_adds_each_row_once(stage: Any, database: str, tmp_path: Path) -> None:
    """Whoever looks as the process lies dead sees no row of it, or all; the next start sees what is there."""
    old = rows = stage.OLD
    job = stage.make_job(tmp_path, rows, "append")
    stage.put_back(job, database)
    assert stage.start(job, database, "just before the commit").killed
    assert stage.look(database, rows) == stage.Found(old=old, rows=0, twice=0, missing=rows)
    assert stage.start(job, database, "just after the commit").killed
    assert stage.look(database, rows) == stage.Found(old=old, rows=rows, twice=0, missing=0)
    assert not stage.start(job, database).killed
    assert stage.look(database, rows) == stage.Found(old=old, rows=rows, twice=0, missing=0)
