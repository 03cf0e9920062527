"""A slice of `benchmarks/matrices/load_crashes.py`: a load is killed, and started again."""

from pathlib import Path

from benchmarks.loads.stage import OLD, Found, look, make_job, put_back, start

ROWS = OLD


def test_a_load_that_is_killed_adds_each_row_once(database: str, tmp_path: Path) -> None:
    """Whoever looks as the process lies dead sees no row of it, or all; the next start sees what is there."""
    job = make_job(tmp_path, ROWS, "append")
    put_back(job, database)
    assert start(job, database, "just before the commit").killed
    assert look(database, ROWS) == Found(old=OLD, rows=0, twice=0, missing=ROWS)
    assert start(job, database, "just after the commit").killed
    assert look(database, ROWS) == Found(old=OLD, rows=ROWS, twice=0, missing=0)
    assert not start(job, database).killed
    assert look(database, ROWS) == Found(old=OLD, rows=ROWS, twice=0, missing=0)
