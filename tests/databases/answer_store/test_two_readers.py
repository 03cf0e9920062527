"""Of two runs that read a job's rows at once, one does, and the other takes what it has read."""

import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prefect_openai_batch import ChatRequest, Job, ReadElsewhere, SqlSource, open_job
from prefect_openai_batch.batch import leases
from prefect_openai_batch.batch.jobs.job import Rows
from prefect_openai_batch.batch.jobs.only_new.reading import READING, Reading
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.leases import Holder
from prefect_openai_batch.batch.processes import has_ended, this_process
from prefect_openai_batch.batch.tables.parts import part_name
from sqlalchemy import Engine, create_engine, text

ASKED = ChatRequest(model="gpt-5-mini", prompt="{{ review }}")


@pytest.fixture
def warehouse(database: str) -> Any:
    """What makes engines for a database with three rows."""
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE reviews (id integer, review varchar(20))"))
        connection.execute(text("INSERT INTO reviews VALUES (1, 'a'), (2, 'b'), (3, 'c')"))
    engine.dispose()

    def connect(_: str) -> Engine:
        return create_engine(database)

    return connect


@pytest.fixture(params=["database", "files"])
def job(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    """A job over them, or over a folder of files that holds the same: more may come into it."""
    folder = tmp_path / "reviews"
    folder.mkdir()
    (folder / "monday.csv").write_text("id,review\n1,a\n2,b\n3,c\n")
    table = SqlSource(database="WAREHOUSE", table="reviews")
    source = table if request.param == "database" else str(folder)
    return open_job(source, ASKED, job_key="reviews", storage=str(tmp_path / "jobs"))


def test_the_other_takes_what_was_read(job: Job, warehouse: Any) -> None:
    """It waits for as long as who reads is heard of, and reads nothing itself."""
    job.files.write(READING, Holder(name="other"))
    others = Rows(rows=7, parts=())

    def finish() -> None:
        time.sleep(1)
        job.files.claim("rows.json", others)

    thread = Thread(target=finish)
    thread.start()
    assert keep_rows(job, warehouse) == others
    thread.join()
    assert not job.files.exists("rows")


def test_who_is_not_heard_of_reads_no_more(job: Job, warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed one is followed by another, which reads from the beginning, and leaves no claim."""
    monkeypatch.setattr(leases, "GONE_SECONDS", 0.1)
    job.files.write(READING, Holder(name="killed"))
    assert keep_rows(job, warehouse).rows == 3
    assert not job.files.exists(READING)


def test_who_is_known_to_have_ended_is_followed_at_once(job: Job, warehouse: Any) -> None:
    """As on the same machine after `kill -9`; what is at work, or elsewhere, is not taken for it."""
    said = "from prefect_openai_batch.batch.processes import this_process; print(this_process())"
    killed = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, text=True, check=True
    ).stdout.strip()
    me = this_process()
    if me is None:
        pytest.skip("this system does not tell")
    assert has_ended(killed)
    assert has_ended(f"{me.rsplit(' ', 1)[0]} 1")
    assert not has_ended(me)
    assert not has_ended(None)
    assert not has_ended(f"another-machine {killed.split(' ', 1)[1]}")
    job.files.write(READING, Holder(name="killed", process=killed))
    began = time.monotonic()
    assert keep_rows(job, warehouse).rows == 3
    assert time.monotonic() - began < leases.GONE_SECONDS


def test_a_reading_that_fails_leaves_no_claim(job: Job, warehouse: Any) -> None:
    missing = job.model_copy(update={"source": SqlSource(database="WAREHOUSE", table="nowhere")})
    with pytest.raises(Exception, match="nowhere"):
        keep_rows(missing, warehouse)
    assert not job.files.exists(READING)
    assert keep_rows(job, warehouse).rows == 3


def test_whose_reading_was_taken_over_leaves_the_parts_of_the_other(job: Job, warehouse: Any) -> None:
    """Whose rows are recorded, and sent, and answered: in the place of others the answers would be wrong."""
    table = job.model_copy(update={"source": SqlSource(database="WAREHOUSE", table="reviews")})

    def while_another_reads(name: str) -> Engine:
        job.files.write(READING, Holder(name="other"))
        job.files.write(part_name(0), Rows(rows=7, parts=()))
        made: Engine = warehouse(name)
        return made

    with pytest.raises(ReadElsewhere):
        keep_rows(table, while_another_reads)
    assert job.files.read(part_name(0), Rows) == Rows(rows=7, parts=())
    assert job.rows() is None


def test_whose_reading_was_taken_over_ends(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says no more that it reads."""
    monkeypatch.setattr(leases, "RENEWED_SECONDS", 0.05)
    with Reading(job) as mine:
        job.files.write(READING, Holder(name="other"))
        time.sleep(0.3)
        with pytest.raises(ReadElsewhere, match="read by another run meanwhile"):
            mine.check()
    assert job.files.read(READING, Holder) == Holder(name="other")
