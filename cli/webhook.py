"""`webhook`: the receiver of OpenAI's webhooks."""

import logging
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import click

from ..batch.errors import OpenAIBatchError
from . import process

PORT = 8300


@click.command("webhook")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=PORT, show_default=True, help="The port to listen on.")
@click.option("--credentials", metavar="NAME", help="The credentials block of the account.")
@click.option(
    "--inbox",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that keeps what was delivered.  [default: in Prefect's home]",
)
@process.base_url
def webhook_command(host: str, port: int, credentials: str | None, inbox: Path | None) -> None:
    """Receive OpenAI's webhooks, and wake the suspended runs whose batches have ended.

    The webhook's secret comes from the credentials block or from OPENAI_WEBHOOK_SECRET. Let OpenAI reach it by
    HTTPS through a proxy, and install the automations: they turn its events into resumes. Stop it with Ctrl-C.
    """
    import uvicorn

    from ..deployments.webhook.receiver import make_app

    logging.basicConfig(stream=sys.stderr, format="%(asctime)s  %(levelname)s  %(message)s")
    logging.getLogger(__package__.partition(".")[0]).setLevel(logging.INFO)
    app = make_app(inbox, credentials)
    with _listening(host, port) as listening, suppress(KeyboardInterrupt):
        click.echo(f"Listening for OpenAI's webhooks at http://{host}:{port}/", err=True)
        config = uvicorn.Config(app, log_config=None, log_level="warning", access_log=False)
        uvicorn.Server(config).run([listening])


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise OpenAIBatchError(
            f"Port {port} of {host} cannot be listened at: {why}. Give another --port or --host."
        ) from None
