"""A job whose folder is gone finds at OpenAI what it has sent before."""

from pathlib import Path

import pytest
from prefect_openai_batch import ChatRequest, Job, open_job, plan_round
from prefect_openai_batch.batch.errors import JobKeyError
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.building import build_selection
from prefect_openai_batch.batch.jobs.rows import keep_rows
from prefect_openai_batch.batch.jobs.submissions import submitted
from prefect_openai_batch.emulator import BatchFault, BatchServer
from prefect_openai_batch.tasks.adopt import adopt
from prefect_openai_batch.tasks.clean import remove_files
from prefect_openai_batch.tasks.remote.claims import find_or_create
from prefect_openai_batch.tasks.remote.connection import Connection


def built_job(folder: Path, prompt: str = "{{ review }}", key: str = "job") -> tuple[Job, list[InputFile]]:
    """A job of two models, so of two input files, in a folder of its own, as on another machine."""
    source = folder.parent / "rows.csv"
    source.write_text("model,review\ngpt-5,good\ngpt-5-mini,bad\n")
    job = open_job(str(source), ChatRequest(model="{{ model }}", prompt=prompt), job_key=key, storage=str(folder))
    keep_rows(job)
    return job, [file for selection in plan_round(job) for file in build_selection(job, selection)]


def test_batches_of_an_earlier_start_are_adopted(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """Those that were sent are recorded, the others are sent, and each item is there once."""
    _, (first, _) = built_job(tmp_path / "here")
    sent = find_or_create(connection, first, 0)
    job, files = built_job(tmp_path / "elsewhere")
    assert adopt(connection, job, files) == [sent.id]
    assert sent.id in [find_or_create(connection, file, 0).id for file in files]
    assert len(server.state()["batches"]) == 2


def test_of_twins_the_older_is_adopted(server: BatchServer, connection: Connection, tmp_path: Path) -> None:
    """Two starts without a shared folder may both have sent a file; from then on all agree on one batch."""
    older = [find_or_create(connection, file, 0).id for file in built_job(tmp_path / "a")[1]]
    server.advance(1)
    for file in built_job(tmp_path / "b")[1]:
        find_or_create(connection, file, 0)
    job, files = built_job(tmp_path / "c")
    assert adopt(connection, job, files) == older


def test_a_batch_that_failed_at_validation_is_never_adopted(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """Its items were not run, so they are sent again."""
    server.fail(BatchFault(kind="fail_validation"))
    for file in built_job(tmp_path / "here")[1]:
        find_or_create(connection, file, 0)
    server.advance(5)
    job, files = built_job(tmp_path / "elsewhere")
    assert adopt(connection, job, files) == []
    assert [submitted(file) for file in files] == [None, None]


def test_other_jobs_batches_are_none_of_ours(server: BatchServer, connection: Connection, tmp_path: Path) -> None:
    """The same rows under another key are another job."""
    for file in built_job(tmp_path / "here", key="other")[1]:
        find_or_create(connection, file, 0)
    job, files = built_job(tmp_path / "elsewhere")
    assert adopt(connection, job, files) == []


def test_a_key_used_with_something_else_is_refused(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """The batch that bears the key is named."""
    sent = [find_or_create(connection, file, 0).id for file in built_job(tmp_path / "here")[1]]
    job, files = built_job(tmp_path / "elsewhere", prompt="Else: {{ review }}")
    with pytest.raises(JobKeyError, match=f"used before with another.*({'|'.join(sent)})"):
        adopt(connection, job, files)


def test_a_job_that_is_done_is_refused_by_name(
    server: BatchServer, connection: Connection, tmp_path: Path
) -> None:
    """Its outputs are deleted, so its results exist: its items are not paid for again."""
    batches = [find_or_create(connection, file, 0) for file in built_job(tmp_path / "here")[1]]
    for _ in range(30):
        server.advance(1)
    for batch in batches:
        remove_files(connection, connection.batch(batch.id))
    job, files = built_job(tmp_path / "elsewhere")
    with pytest.raises(JobKeyError, match="The job 'job' was done before") as refused:
        adopt(connection, job, files)
    assert "the destination of the run that did it" in str(refused.value)
    assert job.table not in str(refused.value), "which this start has never written"
    assert server.bill()["billed"] == 2
