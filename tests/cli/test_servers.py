"""The commands that listen: what cannot be used of their options is told by its option, before they say where."""

from pathlib import Path

import click
import pytest
from prefect_openai_batch.cli import app
from prefect_openai_batch.emulator import BatchServer

from .support import Shell

UNUSABLE = {
    "faults that are not there": ("--faults", "nosuch.json", "No such file"),
    "faults of no kind": ("--faults", "list.json", "faults: Input should be a valid array"),
    "answers that are not there": ("--answers", "nosuch.json", "No such file"),
    "answers of no name": ("--answers", "cleverness", "no answers named"),
    "answers of no module": ("--answers", "no.module:answer", "No module named 'no'"),
    "a certificate that is not there": ("--certificate", "nosuch.pem", "No such file"),
    "a certificate that is none": ("--certificate", "list.json", "PEM"),
    "somebody else's address": ("--host", "192.0.2.1", "cannot be listened at"),
    "no folder": ("--data", "list.json", "Not a directory"),
}


@pytest.mark.parametrize(("option", "value", "why"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_the_emulator_cannot_use_is_told_by_its_option(
    shell: Shell, option: str, value: str, why: str
) -> None:
    """In one line, and no address is printed as one that answers."""
    Path("list.json").write_text('{"faults": 1}')
    done = shell.call("emulator", "--port", "0", option, value)
    assert (done.returncode, done.stdout) == (1, "")
    [said] = done.errors
    assert said.startswith(f"error: {option}: ")
    assert why in said
    assert said.endswith(f"Give another {option}.")


@pytest.mark.server
@pytest.mark.parametrize("command", ["emulator", "webhook"])
def test_a_taken_port_is_told_as_one(
    shell: Shell, batch_server: BatchServer, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is said to listen."""
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", "whsec_bG9jYWwtYmF0Y2gtYXBpLXNlcnZlci1zZWNyZXQ=")
    done = shell.call(command, "--port", str(batch_server.port))
    assert (done.returncode, done.stdout) == (1, "")
    [said] = done.errors
    assert "Address already in use. Give another --port" in said
    assert "Listening" not in done.stderr


@pytest.mark.parametrize(
    ("command", "way"),
    [
        ("run", "Choose another --storage or --to, or change its rights."),
        ("jobs", "Choose another --storage, or change its rights."),
        ("list", "Change its rights."),
    ],
)
def test_a_file_that_may_not_be_used_is_told_with_the_options_of_its_command(
    command: str, way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And with no other's."""

    def fail(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "/data/x")

    monkeypatch.setattr(click.Group, "invoke", fail)
    assert app.run([command]) == 1
    assert capsys.readouterr().err == f"error: /data/x: Permission denied. {way}\n"
