"""`emulator`: the local Batch API server."""

from pathlib import Path

import click


@click.command("emulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Keep files and batches here.")
@click.option("--speed", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Of its clock.")
@click.option("--key", help="The one key to accept.  [default: any]")
def emulator_command(host: str, port: int, data: Path | None, speed: float, key: str | None) -> None:
    """Run a local server that speaks OpenAI's Batch API: no key, no cost.

    Its answers come from a few rules, not from a model. Stop it with Ctrl-C.
    """
    from ..emulator import ServerSettings, serve

    serve(ServerSettings(host=host, port=port, data=data, speed=speed, key=key))
