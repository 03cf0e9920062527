"""The command line and its exit codes.

0   every row has its answer
3   done, some rows have none, and the table says why
2   refused by our own checks: nothing was sent
1   anything else, Ctrl-C too; 143 and 129 after SIGTERM and SIGHUP
"""

import os
import sys
from errno import EDQUOT, ENOSPC
from importlib import import_module
from typing import Any

import click

from ..batch.errors import OpenAIBatchError, Refused
from ..batch.progress import waited_for
from . import process

EXIT_FAILED = 1
EXIT_REFUSED = 2

PLACES = ("--storage", "--to", "--inbox")
"""The options that name a place which a command writes to."""

ROOM = "Make room and type the same command again: what is paid for is not paid twice."


COMMANDS = {
    "answers": "answers.answers_command",
    "automations": "deploying.automations",
    "cancel": "batches",
    "demo": "demo",
    "deploy": "deploying.deploy_command",
    "deployments": "deploying.automations",
    "emulator": "emulator",
    "forget": "forgetting.forget_command",
    "jobs": "batches",
    "list": "batches",
    "marks": "answers.marks_command",
    "resume": "resume",
    "run": "run",
    "show": "batches",
    "try": "trials.try_command",
    "webhook": "webhook",
}
"""The module of each command, which has it as `NAME_command`."""


class Commands(click.Group):
    """The commands, each imported when it is typed, or told of by `--help`: all of them take a second."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's own signature
        """The names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name; None where there is none."""
        if cmd_name not in self.commands and cmd_name in COMMANDS:
            with waited_for("loading"):
                module = import_module(f".{COMMANDS[cmd_name]}", __package__)
            self.add_command(getattr(module, f"{cmd_name}_command"))
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="prefect-openai-batch")
def app() -> None:
    """A table in, the same table with answers out, by OpenAI's Batch API.

    Exit codes: 0, every row has its answer; 3, some have none and the table says why; 2, the input was
    refused and nothing was sent; 1, anything else.
    """


def main() -> None:
    """Run the command line, with one clear line for whatever goes wrong."""
    process.end_as_interrupted()
    process.replace_what_cannot_be_printed()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run the command line on these arguments; returns the exit code."""
    try:
        return int(app.main(arguments, standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        return EXIT_REFUSED
    except click.Abort as end:
        return _fail(
            process.stopped(next(iter(arguments), None)), getattr(end.__cause__, "exit_code", EXIT_FAILED)
        )
    except Refused as error:
        return _fail(error, EXIT_REFUSED)
    except OpenAIBatchError as error:
        return _fail(error)
    except Exception as error:  # a traceback helps nobody at the command line
        told = _explained(error, next(iter(arguments), ""))
        return _fail("\n".join([told, *getattr(error, "__notes__", ())]))


def _explained(error: Exception, command: str) -> str:
    """What went wrong, where, and the way out, of errors that are not our own."""
    room = type(error).__module__.partition(".")[0]
    if room == "openai":
        from openai import APIError

        from ..tasks.look import explain

        if isinstance(error, APIError):
            return explain(error)
    if room == "httpx" or str(error).startswith(
        "Failed to reach API at "
    ):  # OpenAI's own client is another library's: this is Prefect's
        return process.PREFECT_UNREACHED.format(url=os.environ.get("PREFECT_API_URL", "of its profile"), why=error)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        way = ROOM if error.errno in (ENOSPC, EDQUOT) else _other_place(command)
        return f"{place}{error.strerror or error}. {way}"
    return f"{type(error).__name__}: {error}"


def _other_place(command: str) -> str:
    """The way out where a place cannot be used: the command's own options that name one."""
    typed = app.get_command(click.Context(app), command)
    known = {flag for option in typed.params for flag in option.opts} if typed else set()
    named = " or ".join(flag for flag in PLACES if flag in known)
    return f"Choose another {named}, or change its rights." if named else "Change its rights."


def _fail(error: Any, code: int = EXIT_FAILED) -> int:
    for line in (f"error: {error}", *getattr(error, "__notes__", ())):
        click.echo(line, err=True)
    return code
