"""A forgotten job leaves no row anywhere; what is at work or paid for is not forgotten by mistake."""

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings
from prefect.states import Running
from prefect_openai_batch import (
    ChatRequest,
    DatabaseError,
    DestinationError,
    JobAtWork,
    JobKeyError,
    forget_job,
    openai_batch,
)
from prefect_openai_batch.batch.forgetting.forgotten_folders import begin_to_forget
from prefect_openai_batch.batch.jobs.job import load_job
from prefect_openai_batch.batch.storage.folders import Folder
from prefect_openai_batch.cli.answers.answers_command import answers_command
from prefect_openai_batch.emulator import BatchServer, LineFault
from prefect_openai_batch.flows.forgetting.forget_flow import EVENTS_STAY

from ..conftest import REVIEW, Run
from ..secrecy.left_behind import in_database, in_folder

pytestmark = pytest.mark.server

PEOPLE = [f"unmistakable-{name}@example.com" for name in ("anna", "ben", "carla")]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A table of people's data, whose ids are people's too."""
    path = tmp_path / "people.csv"
    pd.DataFrame({"who": PEOPLE, "review": [f"{who} likes it." for who in PEOPLE]}).to_csv(path, index=False)
    return path


def places_with_rows(tmp_path: Path, environment: dict[str, str]) -> set[str]:
    """Where something of the rows is kept: which tables of Prefect's database, which files."""
    left = [
        *in_database(Path(environment["PREFECT_HOME"]) / "prefect.db"),
        *in_folder(get_current_settings().results.local_storage_path),
        *in_folder(tmp_path / "jobs"),
    ]
    return {place for place, text in left if "unmistakable-" in text}


def test_no_row_is_left_anywhere(
    run: Run,
    people: Path,
    tmp_path: Path,
    prefect_environment: dict[str, str],
    batch_server: BatchServer,
) -> None:
    """In the folder, in Prefect's database and results, though the report shows rows and failed ones."""
    batch_server.fail(LineFault(kind="error", status=400, pattern="ben"))
    asked = ChatRequest(model="gpt-5-mini", prompt="{{ review }}", id_column="who")
    run(people, asked, job_key="people")
    run(people, asked, job_key="people-report", destination=str(tmp_path / "other.csv"))
    assert {"table artifact", "table artifact_collection"} <= places_with_rows(tmp_path, prefect_environment)
    told = forget_job("people", storage=str(tmp_path / "jobs"))
    assert told[:2] == [
        f"removed: the job folder {tmp_path / 'jobs' / 'people'}",
        "removed: 3 artifacts in Prefect",
    ]
    assert f"stays: the table {tmp_path / 'answers.parquet'}" in told
    assert (tmp_path / "answers.parquet").exists(), "the table is its owner's"
    told = forget_job("people-report", storage=str(tmp_path / "jobs"))
    assert told[1] == "removed: 3 artifacts in Prefect", "none of them was taken for the other job's"
    assert EVENTS_STAY in told
    assert places_with_rows(tmp_path, prefect_environment) == {"table events"}, "of which nobody can delete any"


@pytest.mark.usefixtures("batch_server")
def test_what_it_has_kept_goes_from_the_answer_store_too(run: Run, people: Path, tmp_path: Path) -> None:
    """So the same rows are sent again; what other jobs have kept stays."""
    kept = {"answers": str(tmp_path / "answers.db")}
    assert run(people, job_key="first", **kept).from_store == 0
    assert "removed: 3 answers in the answer store" in forget_job("first", storage=str(tmp_path / "jobs"))
    assert b"unmistakable-" not in (tmp_path / "answers.db").read_bytes()
    assert run(people, job_key="second", destination=str(tmp_path / "again.csv"), **kept).from_store == 0
    assert run(people, job_key="third", destination=str(tmp_path / "more.csv"), **kept).from_store == 3


@pytest.mark.usefixtures("batch_server")
def test_a_job_whose_answer_store_is_gone_is_forgotten_when_that_is_said(
    run: Run, people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, nothing is removed; then all but what the store has, which it says, and how that goes too."""
    monkeypatch.setenv("TEAM_ANSWERS", f"sqlite:///{tmp_path / 'answers.db'}")
    run(people, answers="TEAM_ANSWERS")
    monkeypatch.delenv("TEAM_ANSWERS")
    storage = str(tmp_path / "jobs")
    with pytest.raises(DatabaseError, match="no database named 'TEAM_ANSWERS'.*forget job --without-store"):
        forget_job("job", storage=storage)
    assert Path(storage, "job", "report.json").exists()
    told = forget_job("job", storage=storage, without_store=True)
    assert [line for line in told if line.startswith("removed: ")] == [
        f"removed: the job folder {storage}/job",
        "removed: 2 artifacts in Prefect",
    ]
    (stays,) = (line for line in told if "answer store TEAM_ANSWERS" in line)
    monkeypatch.setenv("TEAM_ANSWERS", f"sqlite:///{tmp_path / 'answers.db'}")
    words = stays.partition("answers forget ")[2].partition("`")[0].split()
    assert CliRunner().invoke(answers_command, ["forget", *words, "--yes"]).output == "3 answers removed\n"


def test_open_batches_are_paid_for(run: Run, reviews: Path, tmp_path: Path, still_server: BatchServer) -> None:
    """A job with some is refused, with their ids; with `cancel` they are cancelled, and then it is forgotten."""
    storage = str(tmp_path / "jobs")
    run(reviews, wait="detach")
    (batch,) = load_job(f"{storage}/job").open_batches()
    with pytest.raises(JobAtWork, match=f"{batch.id}.*resume job.*forget job --cancel"):
        forget_job("job", storage=storage)
    with pytest.raises(JobAtWork, match="being cancelled"):
        forget_job("job", storage=storage, cancel=True)
    still_server.advance(120)
    assert len(still_server.state()["files"]) > 0
    forget_job("job", storage=storage, cancel=True)
    assert still_server.state()["files"] == []
    assert not Path(storage, "job").exists()


def test_a_run_at_work_keeps_its_job(run: Run, reviews: Path, tmp_path: Path, batch_server: BatchServer) -> None:
    """As far as Prefect knows; the message says how a run goes whose process is gone."""
    storage = str(tmp_path / "jobs")
    run(reviews)
    parameters = {"job_key": "job", "storage": storage}
    with get_client(sync_client=True) as client:
        alive = client.create_flow_run(openai_batch, parameters=parameters, state=Running())
        with pytest.raises(JobAtWork, match=f"prefect flow-run delete {alive.id}"):
            forget_job("job", storage=storage)
        client.delete_flow_run(alive.id)
    assert forget_job("job", storage=storage)


def test_answers_that_lie_nowhere_else_go_only_if_it_is_said(
    run: Run, reviews: Path, tmp_path: Path, batch_server: BatchServer
) -> None:
    """Results in the folder, and answers whose table is not there."""
    storage = str(tmp_path / "jobs")
    run(reviews, destination=None)
    run(reviews, job_key="without-table")
    (tmp_path / "answers.parquet").unlink()
    for key, why in {"job": "results lie in its folder alone", "without-table": "its table is not at"}.items():
        with pytest.raises(DestinationError, match=why):
            forget_job(key, storage=storage)
        assert Path(storage, key, "job.json").exists()
        assert forget_job(key, storage=storage, results_too=True)
    with pytest.raises(JobKeyError, match=f"no job 'job' in {storage}"):
        forget_job("job", storage=storage)


@pytest.mark.parametrize(
    "removed",
    [["rounds"], ["rows", "rounds", "report.json", "cleaned.json"], ["job.json"]],
    ids=["its rounds", "all but the job", "the job itself"],
)
def test_a_half_forgotten_job_is_not_begun(
    run: Run, reviews: Path, tmp_path: Path, batch_server: BatchServer, removed: list[str]
) -> None:
    """Its records are partly gone, so that it would be paid again; forgotten to its end its key is free."""
    run(reviews, REVIEW)
    storage, folder = str(tmp_path / "jobs"), Folder(str(tmp_path / "jobs" / "job"))
    begin_to_forget(folder)
    for name in removed:
        folder.remove(name)
    items = len(batch_server.billed_items())
    with pytest.raises(JobAtWork, match="is being forgotten"):
        run(reviews, REVIEW, destination=str(tmp_path / "answers.parquet"), if_exists="replace")
    assert len(batch_server.billed_items()) == items
    assert forget_job("job", storage=storage) == [f"removed: the job folder {folder.url}"]
    assert not folder.exists()
