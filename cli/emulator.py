"""`emulator`: the local Batch API server."""

from collections.abc import Callable
from typing import Any

import click
from pydantic import ValidationError

from ..batch.errors import OpenAIBatchError
from ..emulator import ServerSettings, Timing, serve
from ..emulator.settings import SettingError

DEFAULT_PORT = 8080
BY_FILE = {"timing", "limits"}
"""Settings of many numbers, which the command line leaves to Python."""


def _settings_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """One option for each setting of the server, with the setting's own words."""
    for name, field in reversed(ServerSettings.model_fields.items()):
        if name not in BY_FILE:
            default = DEFAULT_PORT if name == "port" else field.default
            shown = "" if default is None else f"  [default: {default}]"
            option = click.option(f"--{name.replace('_', '-')}", name, help=f"{field.description}{shown}")
            command = option(command)
    return command


@click.command("emulator")
@_settings_options
@click.option("--real-times", is_flag=True, help="Take as long as OpenAI: a minute to validate, ten to cancel.")
def emulator_command(*, real_times: bool, **options: str | None) -> None:
    """Run a local server that speaks OpenAI's Batch API: no key, no cost.

    Its answers come from a few rules, not from a model. Stop it with Ctrl-C.
    """
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    timing = Timing.real() if real_times else Timing()
    try:
        settings = ServerSettings(**{"port": DEFAULT_PORT, **given, "timing": timing})
    except ValidationError as error:
        first = error.errors()[0]
        raise click.UsageError(f"--{str(first['loc'][0]).replace('_', '-')}: {first['msg']}") from None
    try:
        serve(settings)
    except SettingError as error:
        raise OpenAIBatchError(f"--{error.setting}: {error.why}. Give another --{error.setting}.") from None
