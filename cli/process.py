"""Run a flow in this process, with its progress on stderr instead of Prefect's log."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

storage = click.option("--storage", metavar="URL", help="Where the job folders lie.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
verbose = click.option("--verbose", is_flag=True, help="Show Prefect's own log on stderr.")


def _take_base_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        os.environ["OPENAI_BASE_URL"] = value


base_url = click.option(
    "--base-url",
    callback=_take_base_url,
    expose_value=False,
    help="Another server that speaks OpenAI's Batch API.",
)


def default_storage() -> str:
    """Where job folders lie unless one says otherwise; no server of Prefect's is started to know it."""
    from prefect.settings import get_current_settings

    from ..flows.defaults import default_storage, storage_without_server

    return default_storage() if get_current_settings().api.url else storage_without_server()


def quieten() -> None:
    """Leave it to our own lines to say what happens; call it before anything of Prefect is imported."""
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")


@contextmanager
def flow_in_this_process(*, verbose: bool) -> Iterator[None]:
    """Let flows run in the block, with our own lines about them unless Prefect's are wanted."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from .progress import shown_progress

    if not verbose:
        logging.getLogger().setLevel(logging.CRITICAL)  # Prefect's services write to the root logger
    # Nobody takes a command that vanished for a crashed run, and ending the heartbeat can take a second.
    with shown_progress(), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield
