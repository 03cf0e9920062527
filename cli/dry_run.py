"""`run --dry-run`: everything built and checked, nothing sent."""

from tempfile import TemporaryDirectory

import click
import orjson

from ..batch.files.input_files import INPUT, InputFile
from ..batch.jobs.building import build_selection
from ..batch.jobs.opening import open_job
from ..batch.jobs.rounds import plan_round
from ..batch.jobs.rows import keep_rows
from ..batch.requests.request import Request
from ..batch.tables.sources import FileSource
from . import process

SHOWN = 3


def show_dry_run(
    table: FileSource, request: Request, destination: str | None, *, overwrite: bool, as_json: bool
) -> None:
    """Build the job in a temporary folder and print its first items and its size."""
    with TemporaryDirectory() as storage:
        job = open_job(
            table,
            request,
            destination,
            job_key="dry-run",
            storage=storage,
            if_exists="replace" if overwrite else "refuse",
        )
        rows = keep_rows(job)
        files = [file for selection in plan_round(job) for file in build_selection(job, selection)]
        first = _first_items(files)
    size = sum(file.bytes for file in files)
    if as_json:
        summary = {"rows": rows.rows, "input_files": len(files), "bytes": size, "first_items": first}
        process.print_json(orjson.dumps(summary).decode())
        return
    for item in first:
        process.print_json(orjson.dumps(item, option=orjson.OPT_INDENT_2).decode())
    click.echo(
        f"{rows.rows:,} rows make {len(files)} input file{'' if len(files) == 1 else 's'} "
        f"of {size:,} bytes in all. Nothing was sent."
    )


def _first_items(files: list[InputFile]) -> list[object]:
    if not files:
        return []
    with files[0].files.open(INPUT) as lines:
        return [orjson.loads(line) for _, line in zip(range(SHOWN), lines, strict=False)]
