"""`--from-sql`: a database's table in place of a file."""

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from prefect_openai_batch import SqlSource
from prefect_openai_batch.batch import clock
from prefect_openai_batch.cli.destinations.scheduled_days import of_today
from prefect_openai_batch.cli.requests import parse_parameters
from prefect_openai_batch.emulator import BatchServer

from .support import PROMPT, Shell

ASKED = ("--model", "gpt-5-mini", "--prompt", PROMPT, "--to", "answers.csv", "--storage", "jobs", "--poll", "0.2")


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "lake.sqlite"
    monkeypatch.setenv("LAKE", f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE reviews (id INTEGER, review TEXT)")
        database.executemany("INSERT INTO reviews VALUES (?, ?)", [(n, f"Review {n}") for n in range(20)])
    return path


@pytest.mark.usefixtures("lake")
def test_a_dry_run_of_a_query(shell: Shell) -> None:
    query = ("--query", "SELECT review FROM reviews WHERE id < :most ORDER BY id DESC", "--query-param", "most=5")
    dry = shell.call("run", "--from-sql", "LAKE", *query, *ASKED, "--limit", "4", "--dry-run", "--json")
    said = json.loads(dry.stdout)
    assert said["rows"] == 4, dry.stderr
    assert said["first_items"][0]["body"]["messages"][0]["content"].endswith("Review 4")


@pytest.mark.server
def test_the_same_command_goes_on_with_its_job(shell: Shell, lake: Path, batch_server: BatchServer) -> None:
    """The key is of what is asked, not of what the database holds: nothing is asked twice by mistake."""
    command = ("run", "--from-sql", "LAKE", "--table", "reviews", *ASKED)
    done = shell.call(*command)
    assert "20 of 20 rows answered" in done.stdout, done.stderr
    with closing(sqlite3.connect(lake)) as database, database:
        database.execute("INSERT INTO reviews VALUES (20, 'One more')")
    again = shell.call(*command)
    assert "is done already: nothing is sent" in again.stderr
    assert "what LAKE: table reviews holds since then is another --job-key's" in again.stderr
    assert batch_server.bill()["billed"] == 20


def test_the_day_in_a_command_is_that_on_which_it_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the same command goes on with the day's job, and is another one tomorrow."""
    parameters = parse_parameters(("day={scheduled:%Y-%m-%d}",))
    source = SqlSource(database="LAKE", query="SELECT :day AS review", parameters=parameters)
    monkeypatch.setattr(clock, "now", lambda: 86_400 * 365.0)
    today, to = of_today(source, "answers-{scheduled:%Y-%m-%d}.csv")
    assert (today, to) == (
        source.model_copy(update={"parameters": {"day": "1971-01-01"}}),
        "answers-1971-01-01.csv",
    )
    assert of_today(today, to) == (today, to)


@pytest.mark.usefixtures("lake")
def test_a_trial_says_the_command_of_the_whole(shell: Shell, batch_server: BatchServer) -> None:
    asked = ("--model", "gpt-5-mini", "--prompt", PROMPT)
    tried = shell.call("try", "--from-sql", "LAKE", "--table", "reviews", *asked, "--rows", "2")
    assert "2 of 20 rows tried" in tried.stdout, tried.stderr
    words = shlex.split(tried.stdout.splitlines()[-1])
    assert {"--from-sql", "LAKE", "--table", "reviews"} <= set(words)


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        pytest.param((), "Say where the rows come from", id="no source"),
        pytest.param(("a.csv", "--from-sql", "LAKE", "--table", "t"), "leave one of them out", id="two sources"),
        pytest.param(("a.csv", "--table", "t"), "add --from-sql NAME", id="a table of a file"),
        pytest.param(("--from-sql", "LAKE"), "takes either --query", id="nothing asked"),
        pytest.param(
            ("--from-sql", "LAKE", "--query", "q", "--table", "t"),
            "or --table TABLE, not both",
            id="both asked",
        ),
        pytest.param(
            ("--from-sql", "LAKE", "--query", "SELECT :a"),
            "--query-param: the query names the parameter :a, which is not given",
            id="no value",
        ),
        pytest.param(
            ("--from-sql", "LAKE", "--table", "t", "--separator", ";"),
            "a database has types of its own",
            id="format",
        ),
        pytest.param(
            ("--from-sql", "postgresql://me:secret@db/x", "--table", "t"), "looks like a URL", id="a URL as name"
        ),
        pytest.param(
            ("--from-sql", "LAKE", "--table", "nowhere"), "the database refuses it: no such table", id="no table"
        ),
        pytest.param(
            ("--from-sql", "LAKE", "--query", "SELECT id FROM reviews"),
            "does not have. Its columns: id",
            id="column",
        ),
    ],
)
@pytest.mark.usefixtures("lake")
def test_what_cannot_be_read_is_refused_at_once(shell: Shell, arguments: tuple[str, ...], refused: str) -> None:
    done = shell.call("run", *arguments, *ASKED)
    assert refused in " ".join(done.stderr.split())
    assert done.returncode != 0
    assert "secret" not in done.stderr
