"""The command line as others script against it: exit codes, stdout, stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pandas as pd
import pytest
from prefect_openai_batch.emulator import BatchServer

from ..conftest import wait_until

pytestmark = pytest.mark.server

PROMPT = "Positive or negative? {{ review }}"


@pytest.fixture
def environment(
    prefect_server: str, prefect_environment: dict[str, str], batch_server: BatchServer
) -> dict[str, str]:
    """The environment of a person's shell, with our server for OpenAI."""
    return {**prefect_environment, "OPENAI_BASE_URL": batch_server.base_url, "OPENAI_API_KEY": "test"}


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("number,review\n" + "".join(f"{number:03},I like it {number}.\n" for number in range(20)))
    return path


def call(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "prefect_openai_batch.cli", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)


def run(
    environment: dict[str, str], source: Path, *arguments: str, prompt: str = PROMPT
) -> subprocess.CompletedProcess[str]:
    options = [
        "--model",
        "gpt-5-mini",
        "--prompt",
        prompt,
        "--to",
        "answers.csv",
        "--storage",
        "jobs",
        "--poll",
        "0.2",
    ]
    return call(environment, source.parent, "run", source.name, *options, *arguments)


def posts(server: BatchServer) -> int:
    return sum(request["method"] == "POST" for request in server.requests())


def test_run_answers_every_row(environment: dict[str, str], reviews: Path, batch_server: BatchServer) -> None:
    """Exit 0; the report is the one thing on stdout, progress and the job's key are on stderr."""
    done = run(environment, reviews, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["rows"], report["answered"], report["outcomes"]) == (20, 20, {"succeeded": 20})
    assert report["destination"] == str(reviews.parent / "answers.csv")
    assert f"job {report['job_key']}" in done.stderr.splitlines()[0]
    assert {line.split()[0] for line in done.stderr.splitlines()} >= {"build", "upload", "wait", "fetch"}
    answers = pd.read_csv(reviews.parent / "answers.csv", dtype=str)
    assert answers["number"].tolist() == [f"{number:03}" for number in range(20)]
    assert answers["answer"].notna().all()


def test_the_same_command_again_says_so_and_pays_nothing(
    environment: dict[str, str], reviews: Path, batch_server: BatchServer
) -> None:
    """A finished job answers at once, with the same report; a changed file is another job."""
    first = run(environment, reviews, "--json")
    sent = len(batch_server.requests())
    again = run(environment, reviews, "--json")
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert "done already" in again.stderr
    assert len(batch_server.requests()) == sent
    reviews.write_text(reviews.read_text() + "020,One more.\n")
    other = run(environment, reviews, "--json", "--overwrite")
    assert json.loads(other.stdout)["rows"] == 21


def test_a_killed_run_is_continued_by_the_same_command(
    environment: dict[str, str], reviews: Path, tmp_path: Path
) -> None:
    """Killed while it waits, it posts nothing again."""
    with BatchServer(speed=0) as server:
        environment = {**environment, "OPENAI_BASE_URL": server.base_url}
        command = [sys.executable, "-m", "prefect_openai_batch.cli", "run", reviews.name, "--model", "gpt-5-mini"]
        command += ["--prompt", PROMPT, "--to", "answers.csv", "--storage", "jobs", "--poll", "0.2"]
        first = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL)
        wait_until(lambda: any(request["path"].startswith("/v1/batches/") for request in server.requests()))
        first.kill()
        first.wait()
        before = posts(server)
        for _ in range(20):
            server.advance(1)
        done = run(environment, reviews)
        assert done.returncode == 0, done.stderr
        assert posts(server) == before
        assert server.bill()["billed"] == 20


def test_rows_without_an_answer_give_exit_3(environment: dict[str, str], tmp_path: Path) -> None:
    """The summary counts them, and the table says why."""
    (tmp_path / "rows.csv").write_text("review\nfine\npoor\n")
    with BatchServer(answer=refuse_the_second) as server:
        done = run({**environment, "OPENAI_BASE_URL": server.base_url}, tmp_path / "rows.csv")
    assert done.returncode == 3, done.stderr
    assert "1 of 2 rows answered (2 succeeded)" in done.stdout
    assert pd.read_csv(tmp_path / "answers.csv")["error_code"].tolist()[1] == "refusal"


def refuse_the_second(body: dict[str, Any]) -> Any:
    from prefect_openai_batch.emulator import Reply

    return Reply(text="fine") if "fine" in str(body) else Reply(refusal="I cannot.")


FILES = {
    "rows.csv": "same,review\na,one\na,two\n",
    "empty.csv": "same,review\n",
    "broken.csv": "same,review\na,one\nb\n",
    "broken.jsonl": '{"review": "one"}\n{"review": \n',
    "there.csv": "mine\n",
}

REFUSED = {
    "absent source": ("absent.csv", [], "absent.csv"),
    "empty source": ("empty.csv", [], "empty.csv"),
    "broken csv": ("broken.csv", [], "row 2"),
    "broken jsonl": ("broken.jsonl", [], "row 2"),
    "unknown column": (
        "rows.csv",
        ["--prompt", "{{ reveiw }}"],
        "rows.csv: the template '{{ reveiw }}' names the column 'reveiw'",
    ),
    "broken template": ("rows.csv", ["--prompt", "{{ review"], "not valid Jinja"),
    "no column": ("rows.csv", ["--prompt", "Hello."], "uses no column"),
    "repeated id": (
        "rows.csv",
        ["--id-column", "same"],
        "rows.csv: rows 1 and 2 share the custom_id 'a' (column 'same')",
    ),
    "endpoint": ("rows.csv", ["--endpoint", "/v1/audio"], "'/v1/audio' cannot be batched"),
    "model": ("rows.csv", ["--model", "no-such-model"], "'no-such-model'"),
    "existing destination": ("rows.csv", ["--to", "there.csv"], "there.csv"),
    "unknown format": ("rows.csv", ["--to", "answers.doc"], "answers.doc"),
    "no parameter": ("rows.csv", ["--param", "nonsense"], "not KEY=VALUE"),
    "stream": ("rows.csv", ["--param", "stream=true"], "do not stream"),
    "job key": ("rows.csv", ["--job-key", "Not A Key"], "'Not A Key'"),
    "two requests": ("rows.csv", ["--request", "absent.yaml"], "leave out --model"),
    "unknown option": ("rows.csv", ["--nonsense"], "--nonsense"),
}


@pytest.mark.parametrize(("source", "arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_gives_exit_2_and_sends_nothing(
    environment: dict[str, str],
    batch_server: BatchServer,
    tmp_path: Path,
    source: str,
    arguments: list[str],
    message: str,
) -> None:
    """One clear error, no traceback, nothing on stdout, nothing sent, nothing lost."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    done = run(environment, tmp_path / source, *arguments)
    assert done.returncode == 2, done.stderr
    assert message.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.lower().startswith("error")]) == 1
    assert done.stdout == ""
    assert posts(batch_server) == 0
    assert (tmp_path / "there.csv").read_text() == "mine\n"


def test_a_job_key_used_with_something_else_gives_exit_2(
    environment: dict[str, str], reviews: Path, batch_server: BatchServer
) -> None:
    """Also where only the file's content has changed."""
    assert run(environment, reviews, "--job-key", "mine").returncode == 0
    sent = posts(batch_server)
    reviews.write_text(reviews.read_text() + "020,One more.\n")
    done = run(environment, reviews, "--job-key", "mine")
    assert done.returncode == 2
    assert "was used before with another source's content" in done.stderr
    assert posts(batch_server) == sent


@pytest.mark.parametrize(
    "changes", [{"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, {"OPENAI_API_KEY": ""}], ids=["no server", "no key"]
)
def test_no_access_gives_exit_1(environment: dict[str, str], reviews: Path, changes: dict[str, str]) -> None:
    """A server that is not there, and no key."""
    done = run({**environment, **changes}, reviews)
    assert done.returncode == 1
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_model_that_only_validation_refuses_gives_exit_1(
    environment: dict[str, str], reviews: Path, batch_server: BatchServer
) -> None:
    """OpenAI's own words are the error, and the input file is gone."""
    done = run(environment, reviews, "--model", "{{ 'no-such-model' if number }}")
    assert done.returncode == 1, done.stderr
    assert "The provided model 'no-such-model' is not supported by the Batch API." in done.stderr
    assert batch_server.state()["files"] == []


def test_a_dry_run_sends_nothing(environment: dict[str, str], reviews: Path, batch_server: BatchServer) -> None:
    """It checks everything, shows the first items, and needs no server at all."""
    done = run(environment, reviews, "--dry-run", "--param", "temperature=0", "--param", "user=me")
    assert done.returncode == 0, done.stderr
    assert '"content": "Positive or negative? I like it 0."' in done.stdout
    assert '"temperature": 0' in done.stdout
    assert '"user": "me"' in done.stdout
    assert "20 rows make 1 input file of" in done.stdout
    assert batch_server.requests() == []
    assert sorted(path.name for path in reviews.parent.iterdir() if path.is_file()) == ["reviews.csv"]


@pytest.mark.parametrize(
    ("endpoint", "model", "url_field"),
    [
        ("/v1/responses", "gpt-5-mini", "input"),
        ("/v1/embeddings", "text-embedding-3-small", "input"),
        ("/v1/completions", "gpt-3.5-turbo-instruct", "prompt"),
        ("/v1/moderations", "omni-moderation-latest", "input"),
        ("/v1/images/generations", "gpt-image-1", "prompt"),
        ("/v1/videos", "sora-2", "prompt"),
    ],
)
def test_each_endpoint_can_be_asked(
    environment: dict[str, str], reviews: Path, endpoint: str, model: str, url_field: str
) -> None:
    """The prompt stands where the endpoint wants it."""
    done = run(environment, reviews, "--endpoint", endpoint, "--model", model, "--dry-run", "--json")
    (first, *_) = json.loads(done.stdout)["first_items"]
    assert first["url"] == endpoint
    assert first["body"] == {"model": model, url_field: "Positive or negative? I like it 0."}


def test_batches_are_listed_shown_and_cancelled(environment: dict[str, str], tmp_path: Path) -> None:
    """By id, and a job's by its key."""
    with BatchServer(speed=0) as server:
        environment = {**environment, "OPENAI_BASE_URL": server.base_url}
        client = openai.OpenAI(base_url=server.base_url, api_key="test")
        line = {
            "custom_id": "a",
            "method": "POST",
            "url": "/v1/responses",
            "body": {"model": "gpt-5", "input": "x"},
        }
        with client:
            file = client.files.create(file=("x.jsonl", json.dumps(line).encode()), purpose="batch")
            batch = client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/responses",
                completion_window="24h",
                metadata={"job_key": "mine"},
            )
        listed = call(environment, tmp_path, "list")
        assert listed.stdout.split()[:2] == [batch.id, "validating"]
        assert listed.stdout.split()[-1] == "mine"
        shown = call(environment, tmp_path, "show", batch.id)
        assert "/v1/responses" in shown.stdout
        as_json = call(environment, tmp_path, "show", batch.id, "--json")
        assert json.loads(as_json.stdout)["id"] == batch.id
        cancelled = call(environment, tmp_path, "cancel", batch.id)
        assert cancelled.stdout.split()[:2] == [batch.id, "cancelling"]
        missing = call(environment, tmp_path, "cancel", "no-such-job", "--storage", "jobs")
        assert missing.returncode == 2
        assert "no-such-job" in missing.stderr


def test_a_detached_job_is_collected_by_its_key(
    environment: dict[str, str], batch_server: BatchServer, reviews: Path
) -> None:
    """`run --detach` prints the key alone on stdout; `resume` collects, and nothing is paid twice."""
    sent = run(environment, reviews, "--detach")
    assert sent.returncode == 0, sent.stderr
    key = sent.stdout.strip()
    assert f"1 batch submitted; `prefect-openai-batch resume {key}` collects the answers" in sent.stderr
    assert not (reviews.parent / "answers.csv").exists()
    collected = call(environment, reviews.parent, "resume", key, "--storage", "jobs", "--poll", "0.2")
    assert collected.returncode == 0, collected.stderr
    assert pd.read_csv(reviews.parent / "answers.csv")["answer"].notna().sum() == 20
    assert batch_server.bill()["billed"] == 20
    assert posts(batch_server) == 2  # an upload and a creation


def test_nobody_keeps_a_time_who_is_detached(environment: dict[str, str], reviews: Path) -> None:
    """The error says what goes together."""
    refused = run(environment, reviews, "--detach", "--finish-by", "08:00")
    assert refused.returncode == 2
    assert "leave out --detach" in refused.stderr


def test_the_emulator_serves_until_it_is_stopped(environment: dict[str, str], tmp_path: Path) -> None:
    """It prints its base URL on one line when it is ready."""
    command = [sys.executable, "-m", "prefect_openai_batch.cli", "emulator", "--port", "0", "--data", "server"]
    with subprocess.Popen(command, env=os.environ, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        base_url = process.stdout.readline().strip()
        with openai.OpenAI(base_url=base_url, api_key="any") as client:
            assert client.models.retrieve("gpt-5-mini").id == "gpt-5-mini"
        process.terminate()
        assert process.wait(10) in (0, -15)
