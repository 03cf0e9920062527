"""The command line as others script against it: exit codes, stdout, stderr."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prefect_openai_batch.emulator import BatchServer, Reply

from ..conftest import wait_until
from .support import Shell, call, options, posts, run

pytestmark = pytest.mark.server


def test_run_answers_every_row(environment: dict[str, str], reviews: Path, batch_server: BatchServer) -> None:
    """Exit 0; the report is the one thing on stdout, progress and the job's key are on stderr."""
    done = run(environment, reviews, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["rows"], report["answered"], report["outcomes"]) == (20, 20, {"succeeded": 20})
    assert report["destination"] == str(reviews.parent / "answers.csv")
    assert f"job {report['job_key']}" in done.stderr
    assert {line.split()[0] for line in done.stderr.splitlines()} >= {"build", "upload", "wait", "fetch"}
    answers = pd.read_csv(reviews.parent / "answers.csv", dtype=str)
    assert answers["number"].tolist() == [f"{number:03}" for number in range(20)]
    assert answers["answer"].notna().all()


def test_the_same_command_again_says_so_and_pays_nothing(
    shell: Shell, reviews: Path, batch_server: BatchServer
) -> None:
    """A finished job answers at once, with the same report; a changed file is another job."""
    first = shell.run(reviews.name, "--json")
    sent = len(batch_server.requests())
    again = shell.run(reviews.name, "--json")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert "done already: nothing is sent or paid" in again.stderr
    assert shell.run(reviews.name).stdout.startswith("as it ended, and was paid, by 20")
    assert len(batch_server.requests()) == sent
    reviews.write_text(reviews.read_text() + "020,One more.\n")
    other = shell.run(reviews.name, "--json", "--overwrite")
    assert json.loads(other.stdout)["rows"] == 21


def test_a_dry_run_makes_no_answer_store(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """It says that there is none yet, for the name may be misspelt."""
    dry = shell.run(reviews.name, "--dry-run", "--answers", "answrs.db")
    assert (dry.returncode, (reviews.parent / "answrs.db").exists()) == (0, False), dry.stderr
    assert "there is no answer store answrs.db yet" in dry.stderr


def test_a_killed_run_is_continued_by_the_same_command(
    environment: dict[str, str], reviews: Path, tmp_path: Path
) -> None:
    """Killed while it waits, it posts nothing again."""
    with BatchServer(speed=0) as server:
        environment = {**environment, "OPENAI_BASE_URL": server.base_url}
        command = [sys.executable, "-m", "prefect_openai_batch.cli", "run", reviews.name, *options()]
        with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL) as first:
            try:
                wait_until(lambda: any(one["path"].startswith("/v1/batches/") for one in server.requests()))
            finally:
                first.kill()
        before = posts(server)
        for _ in range(20):
            server.advance(1)
        done = run(environment, reviews)
        assert done.returncode == 0, done.stderr
        assert posts(server) == before
        assert server.bill()["billed"] == 20


def test_a_table_of_no_rows_is_no_error(shell: Shell, tmp_path: Path, batch_server: BatchServer) -> None:
    """Exit 0, dry too; the table is its header, and nothing is sent."""
    (tmp_path / "none.csv").write_text("number;review\n")
    dry = shell.run("none.csv", "--dry-run")
    assert (dry.returncode, dry.stdout[:30]) == (0, "0 rows make 0 input files of 0"), dry.stderr
    done = shell.run("none.csv")
    assert (done.returncode, posts(batch_server)) == (0, 0)
    assert "0 of 0 rows answered (there are none)" in done.stdout
    assert (tmp_path / "answers.csv").read_text().startswith("number,review,custom_id,outcome")


def test_rows_without_an_answer_give_exit_3(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The summary counts them, and the table says why; so does the report, also when it is asked for later."""
    (tmp_path / "rows.csv").write_text("review\nfine\npoor\n")
    with BatchServer(answer=refuse_the_second) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        done = shell.run("rows.csv", "--job-key", "two", "--report", "report.html")
    assert done.returncode == 3, done.stderr
    assert "1 of 2 rows answered (2 succeeded)" in done.stdout
    assert "missing: 1 refused\nwhat helps: The model declines" in done.stdout
    shown = shell.call("show", "two", "--storage", "jobs", "--report", "again.html")
    assert shown.stdout == done.stdout
    assert (tmp_path / "again.html").read_text() == (tmp_path / "report.html").read_text()
    assert pd.read_csv(tmp_path / "answers.csv")["error_code"].tolist()[1] == "refusal"
    nowhere = shell.call("show", "two", "--storage", "jobs", "--report", "rows.csv/again.html")
    assert (nowhere.returncode, "could not be written to rows.csv/again.html" in nowhere.stderr) == (1, True)


def test_answers_that_were_cut_off_are_counted(
    shell: Shell, reviews: Path, tmp_path: Path, batch_server: BatchServer
) -> None:
    """They succeeded and count as answered, and nobody takes them for whole ones; the page says it too."""
    cut = shell.run(reviews.name, "--param", "max_completion_tokens=65", "--json", "--report", "report.html")
    assert (cut.returncode, json.loads(cut.stdout)["cut_off"]) == (0, 20), cut.stderr
    assert set(pd.read_csv(tmp_path / "answers.csv")["finish_reason"]) == {"length"}
    said = "20 answers cut off at the length limit: give max_completion_tokens"
    assert said in shell.run(reviews.name, "--param", "max_completion_tokens=65").stdout
    assert said in (tmp_path / "report.html").read_text()
    whole = shell.run(reviews.name, "--to", "whole.csv")
    assert "20 of 20 rows answered" in whole.stdout
    assert "cut off" not in whole.stdout


def refuse_the_second(body: dict[str, Any]) -> Any:
    return Reply(text="fine") if "fine" in str(body) else Reply(refusal="I cannot.")


def test_a_detached_job_is_collected_by_its_key(
    environment: dict[str, str], still_server: BatchServer, reviews: Path
) -> None:
    """`run --detach` prints the key alone on stdout; `resume` collects, and nothing is paid twice."""
    environment["OPENAI_BASE_URL"] = still_server.base_url
    sent = run(environment, reviews, "--detach")
    assert sent.returncode == 0, sent.stderr
    key = sent.stdout.strip()
    assert (
        f"1 batch submitted; `prefect-openai-batch resume {key} --storage jobs` collects the answers"
        in sent.stderr
    )
    assert not (reviews.parent / "answers.csv").exists()
    still_server.advance(10)
    collected = call(environment, reviews.parent, "resume", key, "--storage", "jobs", "--poll", "0.2")
    assert collected.returncode == 0, collected.stderr
    assert pd.read_csv(reviews.parent / "answers.csv")["answer"].notna().sum() == 20
    assert still_server.bill()["billed"] == 20
    assert posts(still_server) == 2  # an upload and a creation


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("way", [[], ["--json"], ["--dry-run"], ["--dry-run", "--json"]], ids=" ".join)
def test_a_narrow_encoding_costs_characters_and_no_exit_code(
    environment: dict[str, str], batch_server: BatchServer, tmp_path: Path, encoding: str, way: list[str]
) -> None:
    """What a terminal cannot show is replaced; JSON says it by escapes."""
    folder = tmp_path / "Žluťoučký 漢字"
    folder.mkdir()
    (folder / "rows.csv").write_text("review\n好 ✓ 🙂\n", encoding="utf-8")
    narrow = {**environment, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = run(narrow, folder / "rows.csv", *way)
    assert done.returncode == 0, done.stderr
    if way == ["--json"]:
        assert json.loads(done.stdout)["destination"] == str(folder / "answers.csv")
    elif way[-1:] == ["--json"]:
        assert "好 ✓ 🙂" in str(json.loads(done.stdout)["first_items"])


def test_jobs_are_listed(
    shell: Shell, reviews: Path, still_server: BatchServer, batch_server: BatchServer
) -> None:
    """The newest first: key, state, rows, and where the table goes."""
    shell.run(reviews.name, "--job-key", "first", "--base-url", batch_server.base_url)
    left = ["--job-key", "second", "--detach", "--to", "later.csv", "--base-url", still_server.base_url]
    detached = shell.run(reviews.name, *left)
    assert f"resume second --storage jobs --base-url {still_server.base_url}` collects" in detached.stderr
    header, newer, older = shell.call("jobs", "--storage", "jobs").stdout.splitlines()
    assert header.split()[:3] == ["job", "state", "rows"]
    assert [line.split()[:3] for line in (newer, older)] == [["second", "open", "20"], ["first", "done", "20"]]
    assert newer.endswith("later.csv")
    told = shell.call("jobs", "--storage", "jobs", "--json").stdout.splitlines()
    assert [json.loads(line)["state"] for line in told] == ["open", "done"]
    head, batch = shell.call("show", "second", "--storage", "jobs").stdout.splitlines()
    assert head == "job second: open; 20 rows, 0 batches fetched, 1 batch at OpenAI, 0 input files to go"
    assert batch.startswith("batch_")
    assert json.loads(shell.call("show", "second", "--storage", "jobs", "--json").stdout)["open_batches"]


def test_jobs_are_listed_beside_what_is_none(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """A file, and a job whose record is damaged: the others are listed, and that one is named."""
    shell.run(reviews.name, "--job-key", "fine")
    jobs = reviews.parent / "jobs"
    (jobs / "notes.txt").write_text("no job")
    (jobs / "broken").mkdir()
    (jobs / "broken" / "job.json").write_text("{")
    done = shell.call("jobs", "--storage", "jobs")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["job", "fine"]
    assert f"{jobs / 'broken'} cannot be read" in done.stderr


def test_jobs_of_an_empty_storage(shell: Shell, batch_server: BatchServer) -> None:
    """Nothing on stdout; exit 0."""
    done = shell.call("jobs", "--storage", "nowhere")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no job in" in done.stderr


@pytest.mark.unhurried
def test_a_job_is_done_before_its_time(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """`--finish-by` far ahead changes nothing: every row is answered, and nothing is cancelled."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    done = shell.run(reviews.name, "--finish-by", tomorrow.isoformat(), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["answered"], report["stopped"]) == (20, None)
    assert {batch["status"] for batch in batch_server.state()["batches"]} == {"completed"}


def test_a_bound_that_cuts_a_job_into_crumbs_is_told_of_before(shell: Shell, tmp_path: Path) -> None:
    """The dry run says what the bound makes of the job."""
    (tmp_path / "many.csv").write_text("review\n" + "Fine.\n" * 60)
    dry = shell.run("many.csv", "--dry-run", "--max-enqueued-tokens", "1")
    assert "max_enqueued_tokens 1 lets about 1 item go at a time: 60 batches" in dry.stderr
