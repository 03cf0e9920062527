"""What deployments need on Prefect's server: work pools and their queues, block types, the storage's variable."""

from dataclasses import dataclass
from html import unescape
from typing import Any

from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate, VariableUpdate, WorkPoolCreate
from prefect.client.schemas.objects import BlockType
from prefect.exceptions import ObjectNotFound
from prefect.utilities.asyncutils import run_coro_as_sync
from prefect.workers.utilities import (
    get_available_work_pool_types,
    get_default_base_job_template_for_infrastructure_type,
)
from pydantic import ValidationError

from ... import blocks
from ...batch.errors import Refused
from ...batch.words import counted
from ...blocks.prefect_calls import at_once
from ...flows.defaults import STORAGE_VARIABLE
from .steps import Step

SHOWN = ("description", "code_example", "logo_url", "documentation_url")
"""What the UI shows of a block type."""

FIRST = 1
"""The priority of the work queue whose runs a worker starts before all others."""


@dataclass(frozen=True)
class NewPool:
    """What a work pool becomes that is not there yet; one that is there is used as it is.

    Attributes:
        type: Its workers' kind: process, docker, kubernetes, …
        limit: So many runs at once: what a machine bears, at 200 MB and more for each.
    """

    type: str = "process"
    limit: int = 10

    def template(self) -> dict[str, Any]:
        """The job template of that type, as Prefect has it.

        Raises:
            Refused: Prefect knows no such type.
        """
        template = run_coro_as_sync(get_default_base_job_template_for_infrastructure_type(self.type))
        if template is None:
            known: list[str] = sorted(run_coro_as_sync(get_available_work_pool_types()) or ())
            raise Refused(f"Prefect knows no work pools of type {self.type!r}, only {', '.join(known)}.")
        return template


def compare_pool(client: SyncPrefectClient, name: str, new: NewPool) -> Step:
    """Whether a work pool is there; if not, what it is to be.

    Raises:
        Refused: none can be called so.
    """
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        _check_name(name)
        return Step("work pool", name, "missing", _in_words(new.type, new.limit))
    return Step("work pool", name, "there", _in_words(pool.type, pool.concurrency_limit))


def _check_name(name: str) -> None:
    try:
        WorkPoolCreate(name=name)
    except ValidationError:
        raise Refused(f"No work pool can be called {name!r}: leave out the signs / % & > and <.") from None


def create_pool(client: SyncPrefectClient, name: str, new: NewPool) -> None:
    """Create a work pool."""
    wanted = WorkPoolCreate(
        name=name, type=new.type, base_job_template=new.template(), concurrency_limit=new.limit
    )
    client.create_work_pool(wanted)


def compare_queue(client: SyncPrefectClient, pool: str, name: str) -> Step:
    """Whether a work pool has a queue; where it stands among the others is left to whoever has moved it."""
    try:
        queue = client.read_work_queue_by_name(name, work_pool_name=pool)
    except ObjectNotFound:
        return Step("work queue", f"{pool}/{name}", "missing", _at(FIRST))
    return Step("work queue", f"{pool}/{name}", "there", _at(queue.priority or FIRST))


def create_queue(client: SyncPrefectClient, pool: str, name: str) -> None:
    """Create a work pool's queue before all that are there; Prefect itself makes a new one the last."""
    client.create_work_queue(name, work_pool_name=pool, priority=FIRST)


def block_types() -> list[type[Block]]:
    """The types of our blocks."""
    found = (getattr(blocks, name) for name in sorted(blocks.__all__))
    return [one for one in found if isinstance(one, type) and issubclass(one, Block)]


def compare_block_type(client: SyncPrefectClient, block: type[Block]) -> Step:
    """Whether the UI knows a block as it is in this version."""
    name = block.get_block_type_name()
    try:
        there = client.read_block_type_by_slug(block.get_block_type_slug())
    except ObjectNotFound:
        return Step("block type", name, "missing")
    try:
        client.read_block_schema_by_checksum(block._calculate_schema_checksum())
    except ObjectNotFound:
        return Step("block type", name, "differs", "fields")
    ours = block._to_block_type()
    differing = [field for field in SHOWN if _shown(ours, field) != _shown(there, field)]
    words = ", ".join(field.replace("_", " ") for field in differing)
    return Step("block type", name, "differs" if differing else "there", words)


def register_block_type(block: type[Block]) -> None:
    """Let the UI know a block as it is in this version."""
    at_once(block.register_type_and_schema)


def compare_storage(client: SyncPrefectClient, wanted: str, *, last: str | None) -> Step:
    """Whether Prefect's variable names the storage; as somebody has changed it, it stays.

    Args:
        client: Prefect's server.
        wanted: The storage that is asked for.
        last: The one that the last deploy was asked for.
    """
    there = client.read_variable_by_name(STORAGE_VARIABLE)
    if there is None:
        return Step("variable", STORAGE_VARIABLE, "missing", wanted)
    if there.value == wanted:
        return Step("variable", STORAGE_VARIABLE, "there", wanted)
    if last == wanted:
        return Step("variable", STORAGE_VARIABLE, "kept", str(there.value))
    return Step("variable", STORAGE_VARIABLE, "differs", f"{there.value}, not {wanted}")


def set_storage(client: SyncPrefectClient, storage: str) -> None:
    """Let Prefect's variable name the storage, for every run, the command line and one's own code."""
    if client.read_variable_by_name(STORAGE_VARIABLE) is None:
        client.create_variable(VariableCreate(name=STORAGE_VARIABLE, value=storage))
    else:
        client.update_variable(VariableUpdate(name=STORAGE_VARIABLE, value=storage))


def storage_left_over(client: SyncPrefectClient, last: str) -> Step | None:
    """Prefect's variable, set by the last deploy and taken back by this one; None where it is not there."""
    there = client.read_variable_by_name(STORAGE_VARIABLE)
    if there is None:
        return None
    return Step("variable", STORAGE_VARIABLE, "left over" if there.value == last else "kept", str(there.value))


def remove_storage(client: SyncPrefectClient) -> None:
    """Let no variable name the storage any more."""
    client.delete_variable_by_name(STORAGE_VARIABLE)


def _shown(block_type: BlockType, field: str) -> str:
    """A field of a block type as the UI shows it; the server keeps HTML's escapes."""
    return unescape(str(getattr(block_type, field) or ""))


def _at(priority: int) -> str:
    return f"priority {priority}"


def _in_words(type_: str, limit: int | None) -> str:
    return f"{type_}, {'any number of runs' if limit is None else counted(limit, 'run')} at once"
