"""`try` on the command line: a table to read, an object for programs, and the command that does the whole."""

import json
import shlex
from pathlib import Path

import pytest
from prefect_openai_batch import OpenAICredentials
from prefect_openai_batch.cli.process import stopped
from prefect_openai_batch.emulator import BatchServer
from pydantic import SecretStr

from .support import PROMPT, Shell, call, posts
from .test_run import refuse_the_second

pytestmark = pytest.mark.server

ASKED = ["--model", "gpt-5-mini", "--prompt", PROMPT, "--answer", "mood: happy | angry"]


def test_a_process_tells_it_without_prefect(
    prefect_environment: dict[str, str], batch_server: BatchServer, reviews: Path
) -> None:
    """No server of Prefect's is started or asked; what it waits for is said on stderr."""
    environment = {**prefect_environment, "OPENAI_BASE_URL": batch_server.base_url, "OPENAI_API_KEY": "test"}
    environment["PREFECT_HOME"] = str(reviews.parent / "home")
    del environment["PREFECT_API_URL"]
    done = call(environment, reviews.parent, "try", reviews.name, *ASKED, "--rows", "5")
    assert done.returncode == 0, done.stderr
    assert "5 of 20 rows tried" in done.stdout
    assert "server" not in done.stderr
    assert not list(Path(environment["PREFECT_HOME"]).glob("*.db"))
    assert (posts(batch_server), batch_server.bill()["synchronous"]) == (5, 5)


def test_the_command_for_the_whole_is_the_last_line(
    shell: Shell, reviews: Path, batch_server: BatchServer
) -> None:
    """It answers the table by batch, with the options that were typed."""
    done = shell.call("try", reviews.name, *ASKED, "--limit", "9", "--rows", "2", "--keep-response", "--seed", "3")
    program, *words = shlex.split(done.stdout.splitlines()[-1])
    assert program == "prefect-openai-batch"
    whole = ["run", reviews.name, *ASKED, "--keep-response", "--limit", "9", "--to", "answers.parquet"]
    assert words == whole
    assert shell.call(*words, "--dry-run").returncode == 0


def test_a_request_file_names_its_model_itself(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """So the command for the whole leaves it out, and what has to be changed is said before it."""
    (reviews.parent / "ask.yaml").write_text("model: gpt-5\nprompt: '{{ review }}'\n")
    words = ["try", reviews.name, "--request", "ask.yaml", "--rows", "1"]
    done = shell.call(*words, "-m", "gpt-5-nano", "-m", "gpt-5")
    *_, before, line = done.stdout.splitlines()
    assert before == "The whole table by batch, once ask.yaml names the model gpt-5-nano:"
    assert shell.call(*shlex.split(line)[1:], "--dry-run").returncode == 0
    assert "The whole table by batch:" in shell.call(*words).stdout.splitlines()


def test_a_trial_that_is_stopped_has_no_job_to_continue() -> None:
    """Others have."""
    assert stopped("try") == "stopped; what was answered is not kept"
    assert stopped("run") == "stopped; the same command continues the job"


def test_json_is_one_object(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """The report, and the answers row by row; the models stand side by side."""
    done = shell.call("try", reviews.name, *ASKED, "-m", "gpt-5-nano", "--rows", "4", "--first", "--json")
    told = json.loads(done.stdout)
    assert [model["model"] for model in told["models"]] == ["gpt-5-mini", "gpt-5-nano"]
    assert {agreement["field"] for agreement in told["agreements"]} == {"mood"}
    assert [answer["mood"] in ("happy", "angry") for answer in told["answers"]] == [True] * 8
    assert [answer["row"] for answer in told["answers"]] == [1, 2, 3, 4] * 2
    assert all(answer["review"] for answer in told["answers"])


def test_a_request_file_is_asked_of_others(shell: Shell, tmp_path: Path, batch_server: BatchServer) -> None:
    """They take the place of its own."""
    (tmp_path / "rows.csv").write_text("review,truth\nfine,x\npoor,y\n")
    (tmp_path / "ask.yaml").write_text("model: gpt-5\nprompt: '{{ review }}'\n")
    done = shell.call(
        *("try", "rows.csv", "--request", "ask.yaml", "-m", "gpt-5-nano", "--expect", "answer=truth", "--json")
    )
    (model,) = json.loads(done.stdout)["models"]
    assert (model["model"], model["scores"][0]["compared"]) == ("gpt-5-nano", 2)


def test_rows_without_an_answer_give_exit_3(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a job; they are named with their reasons."""
    (tmp_path / "rows.csv").write_text("review\nfine\npoor\n")
    with BatchServer(answer=refuse_the_second) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        done = shell.call("try", "rows.csv", "--model", "gpt-5", "--prompt", PROMPT)
    assert done.returncode == 3
    assert "I cannot." in done.stdout


def test_a_block_is_asked_of_prefects_server(
    shell: Shell, reviews: Path, batch_server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials by their name are the one thing that needs it."""
    OpenAICredentials(api_key=SecretStr("test"), base_url=batch_server.base_url).save("trials", overwrite=True)
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    done = shell.call("try", reviews.name, *ASKED, "--rows", "2", "--credentials", "trials")
    assert (done.returncode, posts(batch_server)) == (0, 2)


REFUSED = {
    "no model": (["--prompt", PROMPT], "Give --model"),
    "no prompt": (["--model", "gpt-5"], "Give --prompt"),
    "no such field": ([*ASKED, "--expect", "tone=number"], "no field 'tone'"),
    "no such column": ([*ASKED, "--expect", "mood=truth"], "no column 'truth'"),
    "no pair": ([*ASKED, "--expect", "mood"], "FIELD=COLUMN"),
    "no rows": ([*ASKED, "--rows", "0"], "--rows"),
    "unknown model": ([*ASKED, "--model", "no-such-model"], "no-such-model"),
}


@pytest.mark.parametrize(("words", "why"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused(shell: Shell, reviews: Path, batch_server: BatchServer, words: list[str], why: str) -> None:
    """Exit 2; nothing is asked."""
    done = shell.call("try", reviews.name, *words)
    assert (done.returncode, posts(batch_server)) == (2, 0)
    assert why in done.stderr
