"""`deployments` and `automations`: what is to be on a Prefect server, and what looks after the runs there."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import process
from ..run_options import NumberRange
from .named_server import need_server

if TYPE_CHECKING:
    from ...deployments.automations import Times

PREFECT_FILE = "prefect.yaml"

lost_after = click.option(
    "--lost-after",
    "lost_seconds",
    type=NumberRange(min=45, max=1_000_000),
    help="Seconds without a sign of life until a run counts as crashed, 720 unless you say otherwise; under 540 "
    "only where every run beats more often than Prefect's 180 seconds (PREFECT_FLOWS_HEARTBEAT_FREQUENCY).",
)


@click.group("deployments")
def deployments_command() -> None:
    """Have our deployments in a file of one's own."""


@deployments_command.command("write")
def write_command() -> None:
    """Write prefect.yaml into this folder: name your table in it, then `deploy --file prefect.yaml`."""
    try:
        with Path(PREFECT_FILE).open("xb") as file:
            file.write((files("prefect_openai_batch") / "deployments" / PREFECT_FILE).read_bytes())
    except FileExistsError:
        raise click.UsageError(f"{PREFECT_FILE} is here already: it is left as it is") from None
    click.echo(f"{PREFECT_FILE} is written; its schedule is off. It says how to go on.")


@click.group("automations")
def automations_command() -> None:
    """Install the automations that wake, retry and clean up runs.

    They are Prefect's own, limited to runs with the tag `openai-batch`, and their names begin with
    "openai-batch: ".
    """
    process.quieten()


@automations_command.command("install")
@lost_after
def install_command(lost_seconds: float | None) -> None:
    """Create or update them; a second time changes nothing."""
    need_server()
    from ...deployments.installation import install_automations, resume_waiting

    changes = install_automations(_times(lost_seconds))
    for change in changes:
        click.echo(f"{change.done:<10} {change.name}")
    if any(change.done in ("created", "updated") for change in changes):
        for run in resume_waiting():
            click.echo(f"{'resumed':<10} flow run {run}: it was suspended before, and its timer starts anew")


@automations_command.command("remove")
def remove_command() -> None:
    """Remove them; suspended runs are then woken by hand, or by the deployment `wake` where its schedule is on."""
    need_server()
    from ...deployments.installation import remove_automations

    for change in remove_automations():
        click.echo(f"{change.done:<10} {change.name}")


@automations_command.command("print")
@lost_after
def print_command(lost_seconds: float | None) -> None:
    """Print them as YAML for `prefect automation create --from-file`, with this server's deployments."""
    need_server()
    import yaml
    from prefect.client.orchestration import get_client

    from ...deployments.installation import wanted_automations

    with get_client(sync_client=True) as client:
        wanted = wanted_automations(client, _times(lost_seconds))
    dumped = [automation.model_dump(mode="json", exclude_none=True) for automation in wanted]
    click.echo(yaml.safe_dump({"automations": dumped}, sort_keys=False, allow_unicode=True, width=110), nl=False)


def _times(lost_seconds: float | None) -> "Times":
    from ...deployments.automations import Times

    return Times() if lost_seconds is None else Times(lost=lost_seconds)
