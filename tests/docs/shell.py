"""A reader's shell: the command lines of a page, in this process."""

import gc
import os
import re
import runpy
import warnings
from collections.abc import Callable
from importlib.metadata import metadata

import click
from packaging.requirements import Requirement
from prefect.testing.cli import invoke_and_assert
from prefect_openai_batch.cli import app

from ..conftest import ROOT

Words = list[str]

GIVEN = {"OPENAI_BASE_URL", "OPENAI_API_KEY", "PREFECT_API_URL"}
"""What a page says of these is for its reader: here they name servers of the suite's."""

LASTING = {"demo", "emulator", "webhook"}
"""Commands of ours that serve until they are stopped, or make a home of their own: others test them."""

STARTED = ("prefect server start", "prefect worker start --pool openai-batch")
"""What fixtures of the suite start."""


def check(words: Words) -> None:
    """Refuse options that our command does not know, without running it."""
    if words[0] == "prefect-openai-batch":
        with app.app.make_context(words[0], words[1:]) as context:
            name, command, rest = app.app.resolve_command(context, words[1:])
            assert command
            command.make_context(name, rest, parent=click.Context(app.app))


def run(words: Words) -> None:
    """Run a command to its end, which is good, or as far as it can go here."""
    if " ".join(words) not in STARTED:
        WAYS[words[0]](words[: words.index(">")] if ">" in words else words)


def _run_ours(words: Words) -> None:
    if words[1] in LASTING:
        check(words)
    else:
        assert app.run(words[1:]) == 0


def _run_prefects(words: Words) -> None:
    again = ["--overwrite"] if words[1:3] == ["work-pool", "create"] else []  # each page begins anew
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ResourceWarning
        )  # it ends with its process, and so leaves connections open
        invoke_and_assert(words[1:] + again, expected_code=0)
        gc.collect()


def _export(words: Words) -> None:
    os.environ |= {
        name: value for name, _, value in (one.partition("=") for one in words[1:]) if name not in GIVEN
    }


def _unset(words: Words) -> None:
    assert {*words[1:]} <= GIVEN


def _run_python(words: Words) -> None:
    runpy.run_path(words[1], run_name="__main__")


def _check_target(words: Words) -> None:
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words


def _check_requirement(words: Words) -> None:
    wanted, ours = Requirement(words[-1]), metadata("prefect-openai-batch")
    assert wanted.name == ours["Name"]
    assert wanted.extras <= {*ours.get_all("Provides-Extra", [])}


WAYS: dict[str, Callable[[Words], None]] = {
    "export": _export,
    "make": _check_target,
    "pip": _check_requirement,
    "prefect": _run_prefects,
    "prefect-openai-batch": _run_ours,
    "python": _run_python,
    "unset": _unset,
}
"""What is done with a line, by its first word."""
