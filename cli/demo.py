"""`demo`: the shipped reviews through the flow, on our own server."""

import os
import time
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import orjson
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ..batch.jobs.options import RunOptions
from ..batch.requests.request_files import load_request
from ..batch.tables.sources import FileSource
from ..emulator.answers.answerers import Reply, by_rules
from ..emulator.answers.prompts import asked_text
from . import process

EXAMPLES = files("prefect_openai_batch") / "examples"

LABELS = ("positive", "negative", "mixed")

DESTINATION = "openai-batch-demo.csv"
"""Where the demo's table goes, in place of an earlier demo's."""

SHOWN = ["review_id", "stars", "review", "answer", "outcome"]
SHOWN_ROWS = 8
SHOWN_WIDTH = 62
TABLE_WIDTH = 110


@click.command("demo")
@click.option(
    "--to",
    "destination",
    default=DESTINATION,
    show_default=True,
    help="Where the table with answers goes.",
)
def demo_command(destination: str) -> int:
    """Label 240 product reviews on the local server: no key, no cost, no network but loopback."""
    from .reports.ended_jobs import EXIT_INCOMPLETE, show_report
    from .run import run_job

    if destination != DESTINATION:
        if Path(destination).suffix != ".csv":
            raise click.UsageError("The demo writes CSV: name a file that ends in .csv.")
        if Path(destination).exists():
            raise click.UsageError(f"{destination} exists already: choose another --to.")
    begun = time.monotonic()
    with TemporaryDirectory() as home:
        _settle_in(home)
        click.echo("starting Prefect's server and ours …", err=True)
        from ..blocks.servers.own_server import own_server
        from ..emulator import BatchServer

        with (
            own_server(throwaway=True, meanwhile=process.load_flows),
            BatchServer(data=Path(home) / "server", answer=answer_review) as server,
        ):
            os.environ |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "demo"}
            click.echo(
                f"Our Batch API server is at {server.base_url}; it answers by labels that a person gave.",
                err=True,
            )
            report, _ = run_job(
                FileSource(path=str(EXAMPLES / "reviews.csv")),
                load_request(str(EXAMPLES / "label_reviews.yaml")),
                destination,
                job_key="demo",
                storage=str(Path(home) / "jobs"),
                if_exists="replace",
                options=RunOptions(poll_seconds=0.5),
            )
            left = _remote_files()
    Console(width=TABLE_WIDTH).print(_excerpt(report.destination))
    show_report(report, as_json=False)
    click.echo(f"remote files left: {left}\nall in all: {time.monotonic() - begun:.0f} s")
    return 0 if report.complete else EXIT_INCOMPLETE


def answer_review(body: dict[str, Any]) -> Reply:
    """What a person has labelled a shipped review, as a word or in the field that offers it; by rules elsewhere.

    For the local server: `prefect-openai-batch emulator --answers prefect_openai_batch.cli.demo:answer_review`.
    """
    reply = by_rules(body)
    asked = asked_text(body)
    label = next((label for review, label in _labels().items() if review in asked), None)
    if label is None or reply.text in LABELS:
        return reply._replace(text=label or reply.text)
    try:
        fields = orjson.loads(reply.text)
    except orjson.JSONDecodeError:  # something else was asked about it
        return reply
    fitting = {name: label if value in LABELS else value for name, value in fields.items()}
    return reply._replace(text=orjson.dumps(fitting).decode())


@cache
def _labels() -> dict[str, str]:
    """Each shipped review with its label."""
    reviews, labels = (
        pd.read_csv(str(EXAMPLES / name), index_col="review_id") for name in ("reviews.csv", "labels.csv")
    )
    return dict(zip(reviews["review"], labels["label"].loc[reviews.index], strict=True))


def _settle_in(home: str) -> None:
    """A Prefect home of the demo's own, that asks nobody outside and leaves nothing behind."""
    os.environ.pop("PREFECT_API_URL", None)
    os.environ |= {**process.SURROUNDINGS, "PREFECT_HOME": str(Path(home) / "prefect")}


def _remote_files() -> int:
    """How many files the server lists."""
    from ..blocks import load_credentials

    with load_credentials().get_client() as client:
        return sum(1 for _ in client.files.list())


def _excerpt(path: str) -> Table:
    """The first rows of the results, side by side with their answers."""
    results = pd.read_csv(path, dtype=str, nrows=SHOWN_ROWS)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in SHOWN:
        table.add_column(name, no_wrap=True, max_width=SHOWN_WIDTH)
    for row in results[SHOWN].itertuples(index=False):
        table.add_row(*row)
    return table
