"""Run a flow in this process, with its progress on stderr instead of Prefect's log."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import click

POLL_SECONDS = 10.0

poll = click.option(
    "--poll",
    "poll_seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=POLL_SECONDS,
    show_default=True,
    help="Seconds between looks; they grow with the batch's age.",
)
max_rounds = click.option(
    "--max-rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often a row may be sent: rows that failed in passing go again, alone.",
)
settle = click.option(
    "--settle",
    "settle_seconds",
    type=click.FloatRange(min=0),
    default=120.0,
    show_default=True,
    help="Seconds to look for a batch whose creation got no answer, before creating it again.",
)
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
    """Where job folders lie unless one says otherwise."""
    from ..flows.defaults import default_storage

    return default_storage()


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
