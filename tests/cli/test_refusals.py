"""What the command line refuses, and what it only tries: exit codes, one clear error, nothing sent."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect_openai_batch.emulator import BatchServer

from .support import Shell, call, posts

pytestmark = pytest.mark.server

FILES = {
    "rows.csv": "same,review\na,one\na,two\n",
    "empty.csv": "",
    "book.xls": "PK",
    "broken.csv": "same,review\na,one\nb\n",
    "broken.jsonl": '{"review": "one"}\n{"review": \n',
    "there.csv": "mine\n",
}

REFUSED = {
    "absent source": ("absent.csv", [], "absent.csv"),
    "empty source": ("empty.csv", [], "empty.csv: has no header"),
    "spreadsheet": ("book.xls", [], "save it as .xlsx"),
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
    "separator": ("rows.csv", ["--separator", ";;"], "is not one sign"),
    "type": ("rows.csv", ["--type", "review=texts"], "is not COLUMN=TYPE"),
    "type of no column": ("rows.csv", ["--type", "reveiw=integer"], "reveiw"),
    "stream": ("rows.csv", ["--param", "stream=true"], "do not stream"),
    "job key": ("rows.csv", ["--job-key", "Not A Key"], "'Not A Key'"),
    "constant in a request file": (
        "rows.csv",
        ["--model", "", "--prompt", "", "--request", "absent.yaml", "--constant-prompt"],
        "leave out --constant-prompt",
    ),
    "answer of no kind": ("rows.csv", ["--answer", "mood: glad"], "answer.mood"),
    "answer without a name": ("rows.csv", ["--answer", "glad | sad"], 'is not "NAME: KIND"'),
    "answer twice": ("rows.csv", ["--answer", "a: text", "--answer", "a: date"], "given twice"),
    "answer of a vector": (
        "rows.csv",
        ["--answer", "a: text", "--endpoint", "/v1/embeddings"],
        "no typed answers",
    ),
    "several answers": ("rows.csv", ["--param", "n=2"], "keep_response (--keep-response)"),
    "a model of vectors": (
        "rows.csv",
        ["--model", "text-embedding-3-small"],
        "ask it at /v1/embeddings (--endpoint",
    ),
    "a model of judgements": ("rows.csv", ["--model", "omni-moderation-latest"], "ask it at /v1/moderations"),
    "a model of words": (
        "rows.csv",
        ["--endpoint", "/v1/embeddings"],
        "ask it at /v1/chat/completions (--endpoint",
    ),
    "a prompt of no column": ("rows.csv", ["--prompt", "Hello."], "--constant-prompt, constant_prompt=True"),
    "a budget without a limit": ("rows.csv", ["--budget-usd", "1"], "(--param max_completion_tokens=2000)"),
    "two requests": ("rows.csv", ["--request", "absent.yaml"], "leave out --model"),
    "budget of nothing": ("rows.csv", ["--budget-usd", "0"], "--budget-usd"),
    "price in words": ("rows.csv", ["--price-in", "cheap"], "is not a valid float"),
    "price of output alone": ("rows.csv", ["--price-out", "2"], "give price_in too (--price-in)"),
    "price of one token": ("rows.csv", ["--price-in", "0.00000025"], "for a million tokens"),
    "a look that never comes": ("rows.csv", ["--poll", "inf"], "'--poll': inf is not in the range"),
    "looks too far apart": ("rows.csv", ["--max-poll", "1e12"], "'--max-poll'"),
    "a look at no time": ("rows.csv", ["--poll", "nan"], "poll"),
    "settled never": ("rows.csv", ["--settle", "inf"], "'--settle'"),
    "unknown option": ("rows.csv", ["--nonsense"], "--nonsense"),
}


@pytest.mark.parametrize(("source", "arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_input_gives_exit_2_and_sends_nothing(
    shell: Shell,
    batch_server: BatchServer,
    tmp_path: Path,
    source: str,
    arguments: list[str],
    message: str,
) -> None:
    """One clear error, no traceback, nothing on stdout, nothing sent, nothing lost."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    done = shell.run(source, *arguments)
    assert done.returncode == 2, done.stderr
    assert message.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr
    assert len(done.errors) == 1
    assert done.stdout == ""
    assert posts(batch_server) == 0
    assert (tmp_path / "there.csv").read_text() == "mine\n"


def test_a_job_key_used_with_something_else_gives_exit_2(
    shell: Shell, reviews: Path, batch_server: BatchServer
) -> None:
    """Also where only the file's content has changed."""
    assert shell.run(reviews.name, "--job-key", "mine").returncode == 0
    sent = posts(batch_server)
    reviews.write_text(reviews.read_text() + "020,One more.\n")
    done = shell.run(reviews.name, "--job-key", "mine")
    assert done.returncode == 2
    assert "was used before with another source's content" in done.stderr
    assert posts(batch_server) == sent


@pytest.mark.parametrize(
    "changes", [{"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, {"OPENAI_API_KEY": ""}], ids=["no server", "no key"]
)
def test_no_access_gives_exit_1(
    shell: Shell, reviews: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]
) -> None:
    """A server that is not there, and no key."""
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    done = shell.run(reviews.name)
    assert done.returncode == 1
    assert len(done.errors) == 1
    assert "Traceback" not in done.stderr


def test_a_model_that_only_validation_refuses_gives_exit_1(
    shell: Shell, reviews: Path, batch_server: BatchServer
) -> None:
    """OpenAI's own words are the error, and the input file is gone."""
    done = shell.run(reviews.name, "--model", "{{ 'no-such-model' if number }}")
    assert done.returncode == 1, done.stderr
    assert "The provided model 'no-such-model' is not supported by the Batch API." in done.stderr
    assert batch_server.state()["files"] == []


DRY = {
    "another request": (
        ["--job-key", "mine", "--prompt", "{{ review }}!"],
        "was used before with another request",
    ),
    "no key": (["--job-key", "Not A Key"], "'Not A Key' cannot be used"),
    "a storage without claims": (["--storage", "sftp://host/jobs"], "cannot hold job folders"),
    "no time": (["--finish-by", "8am"], "8am"),
    "a deadline that nobody keeps": (["--detach", "--finish-by", "08:00"], "leave out --detach"),
    "no block": (["--credentials", "nix"], "no credentials block named 'nix'"),
    "no watermark": (["--full"], "by --watermark"),
}


def test_a_dry_run_refuses_what_a_run_does(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """It checks everything: what it lets through, nothing stops later."""
    assert shell.run(reviews.name, "--job-key", "mine").returncode == 0
    sent = posts(batch_server)
    for case, (arguments, message) in DRY.items():
        for dry in ([], ["--dry-run"]):
            done = shell.run(
                reviews.name, "--to", "others.csv" if "mine" not in arguments else "answers.csv", *arguments, *dry
            )
            assert done.returncode in (1, 2), case
            assert message in done.stderr, case
    assert posts(batch_server) == sent


def test_a_job_key_may_hold_the_day(shell: Shell, reviews: Path, tmp_path: Path) -> None:
    """As a deployment's does, and as the refusal of a key advises."""
    done = shell.run(reviews.name, "--job-key", "n-{scheduled:%Y}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "jobs" / f"n-{datetime.now(UTC):%Y}" / "job.json").exists()


def test_a_file_of_another_encoding_is_told_as_one(shell: Shell, tmp_path: Path) -> None:
    """Excel's CSV in much of Europe: the prompt is not to blame."""
    (tmp_path / "excel.csv").write_bytes("id;review\n1;schön\n".encode("latin-1"))
    done = shell.run("excel.csv", "--prompt", "{{ review }}")
    assert done.returncode == 2
    assert "row 1 (line 2): is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)" in done.stderr


def test_the_demo_writes_over_nobodys_table(shell: Shell, tmp_path: Path) -> None:
    """And says before its work that it writes CSV alone."""
    (tmp_path / "mine.csv").write_text("mine")
    assert "exists already" in shell.call("demo", "--to", "mine.csv").stderr
    assert "ends in .csv" in shell.call("demo", "--to", "mine.parquet").stderr
    assert (tmp_path / "mine.csv").read_text() == "mine"


def test_a_detached_run_takes_no_deadline(shell: Shell, reviews: Path) -> None:
    """No process would be there to cancel in time; the error says what to leave out."""
    refused = shell.run(reviews.name, "--detach", "--finish-by", "08:00")
    assert refused.returncode == 2
    assert "leave out --detach" in refused.stderr


def test_a_prompt_may_be_constant_on_purpose(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """As the refusal of one that uses no column advises."""
    done = shell.run(reviews.name, "--prompt", "Hello.", "--constant-prompt", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr


def test_a_dry_run_sends_nothing(shell: Shell, reviews: Path, batch_server: BatchServer) -> None:
    """It checks everything, shows the first items, and needs no server at all."""
    done = shell.run(reviews.name, "--dry-run", "--param", "temperature=0", "--param", "user=me")
    assert done.returncode == 0, done.stderr
    assert '"content": "Positive or negative? I like it 0."' in done.stdout
    assert '"temperature": 0' in done.stdout
    assert '"user": "me"' in done.stdout
    assert "20 rows make 1 input file of" in done.stdout
    assert batch_server.requests() == []
    assert sorted(path.name for path in reviews.parent.iterdir() if path.is_file()) == ["reviews.csv"]


@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("rows.csv", "review;stars\nfine, really;7\n", ["--separator", ";"]),
        ("rows.csv", "review\tstars\nfine, really\t7\n", ["--separator", "tab"]),
        ("rows.txt", 'review,stars\n"fine, really",7\n', ["--format", "csv"]),
        ("rows", '{"review": "fine, really", "stars": 7}\n', ["--format", "jsonl"]),
        ("rows.csv", 'review,stars\n"fine, really",7\nno,8\n', ["--limit", "1"]),
    ],
    ids=["semicolons", "tabs", "CSV of another name", "JSONL of no name", "the first row"],
)
def test_a_table_is_read_as_it_is_said(
    shell: Shell, tmp_path: Path, name: str, content: str, arguments: list[str]
) -> None:
    """By `--separator`, `--format`, `--type` and `--limit`, as the messages about a source advise."""
    (tmp_path / name).write_text(content)
    typed = [] if "jsonl" in arguments else ["--type", "stars=integer"]
    prompt = ["--prompt", "{{ review }}: {{ stars + 1 }}"]
    done = shell.run(name, *arguments, *typed, *prompt, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    (item,) = json.loads(done.stdout)["first_items"]
    assert item["body"]["messages"][0]["content"] == "fine, really: 8"


def test_typed_answers_are_said_in_a_few_words(shell: Shell, reviews: Path) -> None:
    """Without a line of Python or of JSON Schema."""
    fields = ["--answer", "mood: happy | angry", "--answer", "why: text? (in short)"]
    done = shell.run(reviews.name, *fields, "--prompt", "{{ review }}", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    schema = json.loads(done.stdout)["first_items"][0]["body"]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["mood"] == {"type": "string", "enum": ["happy", "angry"]}
    assert schema["properties"]["why"]["description"] == "in short"


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
    shell: Shell, reviews: Path, endpoint: str, model: str, url_field: str
) -> None:
    """The prompt stands where the endpoint wants it."""
    done = shell.run(reviews.name, "--endpoint", endpoint, "--model", model, "--dry-run", "--json")
    (first, *_) = json.loads(done.stdout)["first_items"]
    assert first["url"] == endpoint
    sent = {"encoding_format": "base64"} if endpoint == "/v1/embeddings" else {}
    assert first["body"] == {"model": model, url_field: "Positive or negative? I like it 0.", **sent}


def test_a_refused_command_starts_no_server_of_prefects(
    environment: dict[str, str], reviews: Path, tmp_path: Path
) -> None:
    """Not even to look where job folders lie."""
    alone = {name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
    home = tmp_path / "home"
    command = ["run", str(reviews), "--model", "gpt-5-mini", "--prompt", "{{ reveiw }}", "--to", "answers.csv"]
    done = call({**alone, "PREFECT_HOME": str(home)}, tmp_path, *command)
    assert done.returncode == 2, done.stderr
    assert "names the column 'reveiw'" in done.stderr
    assert not list(home.glob("prefect.db*"))
