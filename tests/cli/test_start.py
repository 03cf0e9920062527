"""What a command says while it starts, and what is kept off the terminal."""

import logging
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import click
import pytest
from prefect.settings import Settings
from prefect_openai_batch.batch import progress
from prefect_openai_batch.batch.progress import SILENT_SECONDS, noted_wait, report, waited_for
from prefect_openai_batch.blocks.servers.own_server import LOG
from prefect_openai_batch.cli import app, process
from prefect_openai_batch.cli import progress as cli_progress
from prefect_openai_batch.cli.progress import shown_progress

from .support import Shell, run

STARTING = "starting Prefect's own server"


class Stderr:
    """The lines on stderr so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.text = ""

    def lines(self) -> list[str]:
        self.text += self.capsys.readouterr().err
        return self.text.splitlines()

    def wait_for(self, beginning: str) -> None:
        """Until a line begins so, however slow the machine."""
        deadline = time.monotonic() + 60
        while not any(line.startswith(beginning) for line in self.lines()):
            assert time.monotonic() < deadline, self.text
            time.sleep(0.01)


@pytest.mark.server
def test_a_new_home_gives_a_good_run_without_a_strange_line(
    environment: dict[str, str], reviews: Path, tmp_path: Path
) -> None:
    """No traceback of Prefect's own server, whatever the environment says of logs: it says what is waited for."""
    alone = {name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
    home = tmp_path / "home"
    done = run({**alone, "PREFECT_HOME": str(home), "PREFECT_LOGGING_LEVEL": "DEBUG"}, reviews)
    assert done.returncode == 0, done.stderr
    said = {line.split()[0] for line in done.stderr.splitlines()}
    waits = {"reading", "loading", "looking", "asking", "starting", "waiting"}
    assert said <= {*waits, "job", "read", "build", "upload", "wait", "fetch", "write"}
    assert STARTING in done.stderr
    assert (home / LOG).exists()


def test_a_second_round_counts_from_its_own_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    """Not on from the first: of three items there are never nine."""
    with shown_progress():
        for items in (9, 3):
            report("build", total=items, done=0)
            report("build", advance=items)
    assert [line.split(",")[0].split()[1:4] for line in capsys.readouterr().err.splitlines()] == [
        ["9", "of", "9"],
        ["3", "of", "3"],
    ]


@pytest.mark.server
def test_a_refusal_is_one_line_whatever_the_environment_says_of_logs(
    shell: Shell, reviews: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow's own log of it too is left out, unless it is asked for."""
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "WARNING")
    for name in ("prefect", "prefect.flow_runs"):
        logging.getLogger(name).setLevel(logging.WARNING)
    done = shell.run(reviews.name, "--model", "no-such-model")
    assert done.returncode == 2
    beside = ("job ", "loading ", "Nothing was sent")
    assert [line for line in done.stderr.splitlines() if not line.startswith(beside)] == done.errors
    assert len(done.errors) == 1


def test_who_waits_is_told_for_what(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, and only where it takes longer than a moment."""
    monkeypatch.setattr(progress, "SILENT_SECONDS", 60)
    with waited_for("reading"):
        pass
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "SILENT_SECONDS", 0.1)
    with waited_for("reading"):
        Stderr(capsys).wait_for("reading …")
    assert capsys.readouterr().err == ""


def test_waits_of_a_command_count_together(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many short ones leave nobody without a first line."""
    monkeypatch.setattr(progress, "_silent_since", time.monotonic() - SILENT_SECONDS)
    with waited_for("loading"):
        time.sleep(SILENT_SECONDS * 0.8)
    assert capsys.readouterr().err == "loading …\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is silent for a moment is silent for long."""
    for name in ("SILENT_SECONDS", "SECONDS_BETWEEN_LISTENINGS"):
        monkeypatch.setattr(cli_progress, name, 0.01)


@pytest.mark.usefixtures("impatient")
def test_silence_says_what_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    """OpenAI where a call of ours is under way, a step that was begun, else Prefect; each once."""
    said = Stderr(capsys)
    with ExitStack() as stack:
        with noted_wait("OpenAI's answer"):
            stack.enter_context(shown_progress())
            said.wait_for("waiting for OpenAI's answer …")
        said.wait_for("waiting for Prefect's server …")
        report("read", advance=5)
        said.wait_for("read    5 rows, ")
        time.sleep(0.1)
    assert len(said.lines()) == 3


def test_what_has_no_room_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where batches are waited for, whose lines come first; and no more than once."""
    with shown_progress():
        report("upload", total=200, done=0)
        report("upload", advance=70)
        report("wait", done=0, total=70, text="0 of 70 items done (1 in_progress)")
        for _ in range(2):
            report("upload", text="130 items without room")
    assert [line.partition(",")[0] for line in Stderr(capsys).lines()] == ["upload  130 items without room"]


def test_a_command_loads_no_other() -> None:
    """Else each would pay for the import of all; every one is there by its name."""
    code = (
        "import sys, prefect_openai_batch.cli.app; print(sorted({'pandas', 'prefect', 'openai'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    context = click.Context(app.app)
    assert all(app.app.get_command(context, name) for name in app.app.list_commands(context))


def test_prefects_own_server_has_more_than_twenty_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no telemetry; what the environment says comes first."""
    for name in (*process.SURROUNDINGS, "PREFECT_LOGGING_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DO_NOT_TRACK", "0")
    process.quieten()
    settings = Settings()
    assert settings.server.ephemeral.startup_timeout_seconds >= 120
    assert not settings.server.analytics_enabled
    assert settings.logging.level == "CRITICAL"
    assert os.environ["DO_NOT_TRACK"] == "0"


def test_without_a_key_no_server_is_started(
    reviews: Path, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    """The refusal is the one line, and nothing of the job is left."""
    alone = {name: value for name, value in prefect_environment.items() if not name.startswith("OPENAI_API")}
    del alone["PREFECT_API_URL"]
    home = tmp_path / "home"
    done = run({**alone, "PREFECT_HOME": str(home)}, reviews)
    assert done.returncode == 1
    assert "OPENAI_API_KEY is not set" in done.stderr
    assert STARTING not in done.stderr
    assert [path for path in home.rglob("*") if path.is_file() and path.suffix != ".toml"] == []
