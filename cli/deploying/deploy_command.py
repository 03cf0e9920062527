"""`deploy`: everything that belongs on a Prefect server, by one command."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...batch.progress import waited_for
from ...batch.urls import without_secrets
from .. import process
from .automations import PREFECT_FILE
from .named_server import need_answer, need_server
from .next_steps import next_steps

if TYPE_CHECKING:
    from ...deployments.deploying.deploy_options import DeployOptions
    from ...deployments.deploying.steps import Step
    from ...deployments.deploying.surroundings import NewPool

TOLD_TOGETHER = ("automation", "block type")
"""Kinds whose names nobody asks for while all is well."""


@click.command("deploy")
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PATH",
    help="A prefect.yaml of one's own (`deployments write` begins one).  [default: the one that is shipped]",
)
@click.option(
    "--schedule",
    metavar="CRON",
    help='Run the deployment `nightly` at these times, as "0 2 * * *"; its table must be named, in the file or in '
    "Prefect's UI.",
)
@click.option("--timezone", metavar="NAME", help="The schedule's time zone.  [default: UTC]")
@click.option("--pool", metavar="NAME", help="The work pool of all deployments.  [default: as the file says]")
@click.option(
    "--pool-type", default="process", show_default=True, help="What a work pool becomes that is not there yet."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Runs at once in a work pool that is not there yet.",
)
@click.option(
    "--storage",
    metavar="URL",
    help="Where job folders lie, for every run: a place that all workers reach. It is kept in Prefect's variable "
    "openai_batch_storage, which the UI and every run's parameter `storage` can overrule.",
)
@click.option(
    "--webhook",
    metavar="URL",
    help="Where OpenAI will reach the receiver of its webhooks (the command `webhook`). Runs then wait suspended, "
    "without a process, and wake within seconds of a batch's end; timers stand behind.",
)
@click.option("--check", is_flag=True, help="Change nothing: say what is there, missing or different.")
def deploy_command(
    file: Path | None,
    schedule: str | None,
    timezone: str | None,
    pool: str | None,
    pool_type: str,
    limit: int,
    storage: str | None,
    webhook: str | None,
    check: bool,
) -> int:
    """Deploy to the Prefect server of the profile: work pool, block types, deployments and automations.

    Again does no harm: a field takes the file's value when the file has changed it since the last deploy and
    nobody else has; what was changed in the UI stays, and is told of as kept. Options count until they are given
    again; an empty one takes it back.

    With --check the exit code is 0 where nothing is to do, 1 otherwise.
    """
    if timezone and not schedule:
        raise click.UsageError("--timezone is that of --schedule: give both")
    if storage and without_secrets(storage) != storage:
        raise click.UsageError("--storage names a user or password, which everybody would read: workers have them")
    if webhook and not webhook.startswith(("https://", "http://")):
        raise click.UsageError("--webhook is an address that begins with https://")
    process.quieten()
    with waited_for("loading Prefect"):
        need_server()
        need_answer()
        from ...deployments.deploying.deploy_options import DeployOptions
        from ...deployments.deploying.surroundings import NewPool
    given = DeployOptions(schedule, timezone, pool, storage, webhook)
    return _deploy(file, given, NewPool(pool_type, limit), check=check)


def _deploy(file: Path | None, given: "DeployOptions", new_pool: "NewPool", *, check: bool) -> int:
    from prefect.client.orchestration import get_client

    from ...deployments.deploying.planning import automation_steps, carry_out, plan
    from ...deployments.deploying.prefect_file import read_prefect_file, shipped_file
    from ...deployments.installation import chosen_times, install_automations, resume_waiting

    if file is None and Path(PREFECT_FILE).exists():
        click.echo(f"The {PREFECT_FILE} here is not used: --file {PREFECT_FILE} does.", err=True)
    deployments = read_prefect_file(file or shipped_file())
    with get_client(sync_client=True) as client:
        with waited_for("asking Prefect's server"):
            planned = plan(client, deployments, given, new_pool)
        if check:
            return _checked([*(one.step for one in planned), *automation_steps()])
        steps = carry_out(planned)
    changes = install_automations(chosen_times())
    steps += automation_steps(changes)
    for line in table(steps):
        click.echo(line)
    if any(change.done in ("created", "updated") for change in changes):
        for run in resume_waiting():
            click.echo(f"resumed    flow run {run}: it was suspended before, and its timer starts anew")
    click.echo()
    for line in next_steps(steps, given.webhook):
        click.echo(line)
    return 0


def _checked(steps: "Sequence[Step]") -> int:
    for line in table(steps, together=()):
        click.echo(line)
    to_do = sum(step.is_to_do for step in steps)
    click.echo(f"\n{to_do} to do: `prefect-openai-batch deploy` does it" if to_do else "\nnothing to do")
    return int(to_do > 0)


def table(steps: "Sequence[Step]", together: Sequence[str] = TOLD_TOGETHER) -> list[str]:
    """A line for each thing, or for all of a kind that fare alike."""
    fates = [*map(_fate, steps)]
    gathered = sorted(steps, key=lambda step: fates.index(_fate(step)) if step.kind in together else 0)
    in_order = sorted(gathered, key=lambda step: [fate[0] for fate in fates].index(step.kind))
    rows = [row for _, group in groupby(in_order, _fate) for row in _rows(list(group), together)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    padded = (zip(row, (*widths, 0), strict=True) for row in rows)
    return ["  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in padded]


def _fate(step: "Step") -> tuple[str, str, str]:
    return step.kind, step.state, step.details


def _rows(steps: "Sequence[Step]", together: Sequence[str]) -> Iterable[tuple[str, ...]]:
    first = steps[0]
    if first.kind in together and len(steps) > 1:
        return [(first.state, f"{first.kind}s", str(len(steps)), first.details)]
    return [(step.state, step.kind, step.name, step.details) for step in steps]
