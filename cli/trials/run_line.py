"""The `run` command that does with the whole table what `try` did with some of its rows."""

import os
import shlex
from collections.abc import Iterator

import click
from click.core import ParameterSource

TRIALS_OWN = frozenset({"rows", "first", "seed", "expect", "as_json", "verbose"})
"""What `run` does not take, or need not."""


def whole_by_batch(context: click.Context) -> str:
    """The command behind a line that says what it does; of several models the first."""
    return f"The whole table by batch{_once_named(context)}:\n{run_line(context)}"


def _once_named(context: click.Context) -> str:
    """What has to be changed first: a request file holds the whole request, its model too."""
    file, models = context.params["request_file"], context.params["models"]
    return f", once {file} names the model {models[0]}" if file and models else ""


def run_line(context: click.Context) -> str:
    """The command, with the options that were typed; of several models the first, where no file names it."""
    typed = [word for parameter in context.command.params for word in _words(context, parameter)]
    return shlex.join(["prefect-openai-batch", "run", *typed, "--to", "answers.parquet"])


def _words(context: click.Context, parameter: click.Parameter) -> Iterator[str]:
    name = parameter.name or ""
    held = name == "models" and context.params["request_file"]
    if held or name in TRIALS_OWN or context.get_parameter_source(name) != ParameterSource.COMMANDLINE:
        return
    value = context.params.get(name, os.environ.get("OPENAI_BASE_URL"))
    if not isinstance(parameter, click.Option):
        yield str(value)
        return
    flag = max(parameter.opts, key=len)
    if parameter.is_flag:
        yield flag
        return
    values = value if isinstance(value, tuple) else (value,)
    for one in values[:1] if name == "models" else values:
        yield from (flag, str(one))
