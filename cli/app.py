"""The command line and its exit codes.

0   every row has its answer
3   done, some rows have none, and the table says why
2   refused by our own checks: nothing was sent
1   anything else, Ctrl-C too; 143 and 129 after SIGTERM and SIGHUP
"""

import os
import sys
from errno import EDQUOT, ENOSPC
from typing import Any

import click

from ..batch.errors import OpenAIBatchError, Refused
from . import process
from .automations import automations_command, deployments_command
from .batches import cancel_command, jobs_command, list_command, show_command
from .demo import demo_command
from .emulator import emulator_command
from .resume import resume_command
from .run import run_command
from .trials.try_command import try_command
from .webhook import webhook_command

EXIT_FAILED = 1
EXIT_REFUSED = 2

ROOM = "Make room and type the same command again: what is paid for is not paid twice."


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="prefect-openai-batch")
def app() -> None:
    """A table in, the same table with answers out, by OpenAI's Batch API.

    Exit codes: 0, every row has its answer; 3, some have none and the table says why; 2, the input was
    refused and nothing was sent; 1, anything else.
    """


for command in (
    *(try_command, run_command, resume_command, cancel_command),
    *(jobs_command, list_command, show_command, demo_command, emulator_command, webhook_command),
    *(deployments_command, automations_command),
):
    app.add_command(command)


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
        return _fail("\n".join([_explained(error), *getattr(error, "__notes__", ())]))


def _explained(error: Exception) -> str:
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
        way = (
            ROOM if error.errno in (ENOSPC, EDQUOT) else "Choose another --storage or --to, or change its rights."
        )
        return f"{place}{error.strerror or error}. {way}"
    return f"{type(error).__name__}: {error}"


def _fail(error: Any, code: int = EXIT_FAILED) -> int:
    for line in (f"error: {error}", *getattr(error, "__notes__", ())):
        click.echo(line, err=True)
    return code
