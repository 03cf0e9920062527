"""Of which input files something is recorded: one listing tells, and what it does not tell was never sent."""

from datetime import UTC, datetime

import pytest
from prefect_openai_batch.batch.files.input_files import InputFile
from prefect_openai_batch.batch.jobs.submissions import ANSWERS, begun, claim, note_upload, put_off
from prefect_openai_batch.batch.storage.folders import Folder

from ..conftest import MakeJob, built

ROWS = [{"text": f"text {number}"} for number in range(3)]


def test_each_record_tells(make_job: MakeJob) -> None:
    """Of its own input file alone; a job elsewhere whose name begins alike is another one."""
    job, longer = make_job(ROWS), make_job(ROWS, key="job2")
    files = built(job, items=1)
    assert job.begun_files() == []
    assert not job.has_sent()
    put_off(built(longer)[0], 1.0)
    assert longer.begun_files() == longer.input_files()
    assert job.begun_files() == []
    claim(files[2], 1, datetime.now(UTC))
    assert (job.begun_files(), job.has_sent()) == ([files[2]], True)
    note_upload(files[0])
    assert job.begun_files() == [files[0], files[2]]
    (files[1].files / ANSWERS).write("0.json", job)
    assert job.begun_files() == files


@pytest.mark.parametrize("other", [1, 10])
def test_rounds_whose_numbers_begin_alike_are_two(make_job: MakeJob, other: int) -> None:
    """An input file of the first one is called as one of the tenth."""
    job = make_job(ROWS)
    (file,) = built(job)
    first, tenth = ((number, Folder(f"{job.folder}/rounds/{number}/{file.name}")) for number in (1, 10))
    files = [file.model_copy(update={"round": number, "folder": folder.url}) for number, folder in (first, tenth)]
    files[other > 1].files.write("submitted.json", job)
    assert begun(job.files / "rounds", files) == [files[other > 1]]


def test_a_folder_may_be_spelled_otherwise(make_job: MakeJob) -> None:
    """By another start that was first: an input file bears the spelling of who has built it."""
    job = make_job(ROWS)
    (file,) = built(job)
    note_upload(file)
    elsewhere: InputFile = file.model_copy(update={"folder": f"file://{file.folder}"})
    assert begun(job.files / "rounds", [elsewhere]) == [elsewhere]
