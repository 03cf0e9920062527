"""A job whose folder is lost is put together again from what OpenAI knows of it, or known by its table."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from openai import APIConnectionError
from prefect_openai_batch import ChatRequest, RunOptions, recover_job, run_dataframe
from prefect_openai_batch.batch.errors import DestinationError, JobKeyError
from prefect_openai_batch.cli.reports.ended_jobs import show_report
from prefect_openai_batch.emulator import BatchServer, LineFault, RouteFault
from prefect_openai_batch.tasks.remote.tries import brief_pauses

from ..conftest import BY_MODEL, Run

pytestmark = [pytest.mark.server, pytest.mark.usefixtures("prefect_server")]

QUICK = RunOptions(poll_seconds=0.1)
AGAIN = LineFault(kind="error", status=429, pattern="Review (1|2|12):", times=1)


def test_the_answers_of_a_lost_job_are_written(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Each item once, in the order it was sent, with the last round's outcome; nothing is paid or left."""
    batch_server.fail(
        LineFault(kind="error", status=429, pattern="Review (1|2|12):", times=1),
        LineFault(kind="error", status=400, pattern="Review 3:"),
        RouteFault(kind="http_error", route="DELETE *", status=401),
    )
    with pytest.raises(Exception, match="401"):
        run(by_model, BY_MODEL)
    wanted = pd.read_parquet(tmp_path / "answers.parquet")
    batch_server.fail()
    shutil.rmtree(tmp_path / "jobs")
    assert recover_job("job", str(tmp_path / "recovered.parquet"), options=RunOptions(poll_seconds=0.1)) == 30
    recovered = pd.read_parquet(tmp_path / "recovered.parquet")
    in_order = wanted.sort_values("model", kind="stable", ignore_index=True)
    shared = ["custom_id", "outcome", "answer", "error_code", "batch_id"]
    pd.testing.assert_frame_equal(
        recovered[shared].sort_values("custom_id", ignore_index=True),
        in_order[shared].sort_values("custom_id", ignore_index=True),
    )
    assert recovered["custom_id"].str.extract(r"row-(\d+)-")[0].astype(int).head(10).is_monotonic_increasing
    assert batch_server.bill()["billed"] == 29
    assert batch_server.state()["files"] == []


def test_a_key_that_openai_does_not_know_is_refused(
    batch_server: BatchServer, tmp_path: Path, prefect_server: str
) -> None:
    """There is nothing to recover."""
    with pytest.raises(JobKeyError, match="no batch of a job 'nobody'"):
        recover_job("nobody", str(tmp_path / "recovered.csv"))


@pytest.mark.parametrize("status", [403, 405])
def test_what_may_not_be_deleted_is_left(batch_server: BatchServer, reviews: Path, run: Run, status: int) -> None:
    """The table is there and the run is done; the report names the files, and the next start says the same."""
    batch_server.fail(RouteFault(kind="http_error", route="DELETE */files/*", status=status))
    report = run(reviews)
    assert report.complete
    assert set(report.files_left) == {file["id"] for file in batch_server.state()["files"]}
    assert len(report.files_left) == 2
    assert run(reviews) == report


def test_files_with_rows_that_could_not_be_read_are_kept(
    batch_server: BatchServer, reviews: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows go again; the report names the file that should tell of them, and the next start says the same."""
    batch_server.fail(LineFault(kind="missing", pattern="Review [1-3]:", times=1))
    with brief_pauses():
        report = run(reviews)
    assert (report.complete, report.rounds) == (True, 2)
    assert list(report.files_kept) == [file["id"] for file in batch_server.state()["files"]]
    assert len(report.files_kept) == 1
    assert run(reviews) == report
    show_report(report, as_json=False)
    assert "kept at OpenAI until expiry: 1 file of" in capsys.readouterr().out


def test_a_lost_jobs_files_with_rows_that_could_not_be_read_are_kept(
    batch_server: BatchServer, reviews: Path, tmp_path: Path, run: Run
) -> None:
    """Recovering deletes what it has read whole, and nothing else."""
    batch_server.fail(LineFault(kind="missing", pattern="Review [1-3]:"), RouteFault(kind="cut", route="DELETE *"))
    with brief_pauses():
        with pytest.raises(APIConnectionError):
            run(reviews, max_rounds=1)
        batch_server.fail()
        shutil.rmtree(tmp_path / "jobs")
        recover_job("job", str(tmp_path / "recovered.parquet"), options=RunOptions(poll_seconds=0.1))
    assert {file["purpose"] for file in batch_server.state()["files"]} == {"batch", "batch_output"}


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_server_that_lists_no_files_is_cleaned_up_all_the_same(
    batch_server: BatchServer, reviews: Path, run: Run, status: int
) -> None:
    """What the job knows of is deleted; only uploads without an answer would be looked for."""
    batch_server.fail(RouteFault(kind="http_error", route="GET */files", status=status))
    report = run(reviews)
    assert report.complete
    assert report.files_left == ()
    assert batch_server.state()["files"] == []


def dies_at_deletion(number: int) -> RouteFault:
    return RouteFault(kind="http_error", route="DELETE *", status=401, calls=(number,))


@pytest.mark.parametrize(("name", "if_exists"), [("answers.csv", "refuse"), ("answers.parquet", "replace")])
def test_the_clean_up_is_finished_on_another_machine(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run, name: str, if_exists: str
) -> None:
    """With two rounds and without leave to replace: done, complete, nothing left, paid or written again."""
    batch_server.fail(AGAIN, dies_at_deletion(6))
    with pytest.raises(Exception, match="401"):
        run(by_model, BY_MODEL, destination=str(tmp_path / name))
    written = (tmp_path / name).stat().st_mtime_ns
    shutil.rmtree(tmp_path / "jobs")
    report = run(by_model, BY_MODEL, destination=str(tmp_path / name), if_exists=if_exists)
    assert (report.answered, report.rounds, len(report.batches)) == (30, 2, 6)
    assert (tmp_path / name).stat().st_mtime_ns == written
    assert (batch_server.bill()["billed"], batch_server.state()["files"]) == (30, [])
    assert run(by_model, BY_MODEL, destination=str(tmp_path / name)) == report


def test_anothers_table_is_refused_and_leaves_no_folder(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """The same rows and custom_ids under another key: nothing is sent."""
    answers = str(tmp_path / "answers.csv")
    run(by_model, BY_MODEL, destination=answers)
    with pytest.raises(DestinationError, match="exists already"):
        run(by_model, BY_MODEL, destination=answers, job_key="other")
    assert not (tmp_path / "jobs" / "other").exists()
    assert batch_server.bill()["billed"] == 30


def test_a_frame_comes_back_from_its_table(batch_server: BatchServer, tmp_path: Path) -> None:
    """On another machine, with its answers."""
    frame = pd.DataFrame({"review": ["good", "bad"]}, index=["x", "y"])
    request, answers = ChatRequest(model="gpt-5-mini", prompt="{{ review }}"), tmp_path / "answers.parquet"
    batch_server.fail(dies_at_deletion(2))
    with pytest.raises(Exception, match="401"):
        run_dataframe(frame, request, destination=answers, storage=str(tmp_path / "here"), options=QUICK)
    answered = run_dataframe(frame, request, destination=answers, storage=str(tmp_path / "there"), options=QUICK)
    pd.testing.assert_frame_equal(answered[["review"]], frame)
    assert answered["answer"].notna().all()
    assert (batch_server.bill()["billed"], batch_server.state()["files"]) == (2, [])


def test_a_recovery_that_was_killed_is_finished(
    batch_server: BatchServer, by_model: Path, tmp_path: Path, run: Run
) -> None:
    """Its table is known too; another one is refused."""
    batch_server.fail(RouteFault(kind="http_error", route="DELETE *", status=401))
    with pytest.raises(Exception, match="401"):
        run(by_model, BY_MODEL)
    shutil.rmtree(tmp_path / "jobs")
    batch_server.fail(dies_at_deletion(4))
    with pytest.raises(Exception, match="401"):
        recover_job("job", str(tmp_path / "recovered.csv"), options=QUICK)
    (tmp_path / "mine.csv").write_text("custom_id,note\nrow-1,mine\n")
    with pytest.raises(DestinationError, match="exists already"):
        recover_job("job", str(tmp_path / "mine.csv"), options=QUICK)
    assert recover_job("job", str(tmp_path / "recovered.csv"), options=QUICK) == 30
    assert batch_server.state()["files"] == []
