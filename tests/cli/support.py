"""The command line, called as a process of its own or in this one."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from prefect_openai_batch.cli import app
from prefect_openai_batch.emulator import BatchServer

PROMPT = "Positive or negative? {{ review }}"


def call(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "prefect_openai_batch.cli", *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, errors="replace")


def run(
    environment: dict[str, str], source: Path, *arguments: str, prompt: str = PROMPT
) -> subprocess.CompletedProcess[str]:
    return call(environment, source.parent, "run", source.name, *options(prompt), *arguments)


def options(prompt: str = PROMPT) -> list[str]:
    """What every run here is given; what comes after it on the line counts."""
    return [
        *("--model", "gpt-5-mini", "--prompt", prompt),
        *("--to", "answers.csv", "--storage", "jobs", "--poll", "0.2"),
    ]


def posts(server: BatchServer) -> int:
    return sum(request["method"] == "POST" for request in server.requests())


@dataclass(frozen=True)
class Done:
    """What a call of the command line came to."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def errors(self) -> list[str]:
        """The lines that say what is wrong."""
        return [line for line in self.stderr.splitlines() if line.lower().startswith("error")]


class Shell:
    """The command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def call(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = app.run([*arguments])
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)

    def run(self, source: str, *arguments: str) -> Done:
        return self.call("run", source, *options(), *arguments)
