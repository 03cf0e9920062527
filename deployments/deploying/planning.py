"""What belongs on Prefect's server, compared with what is there: `--check` shows it, `deploy` does it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from prefect.client.orchestration import SyncPrefectClient

from ...batch.errors import Refused
from ...flows.form import openai_batch_form, prefilled
from ..automations import STARTED
from ..installation import Change, DeploymentMissing, chosen_times, compare_automations
from .deploy_options import NIGHTLY, DeployOptions, check_schedule, check_storage, with_options
from .fields import PARAMETERS, parameters_of, schedules_of
from .prefect_file import FileDeployment
from .server import (
    There,
    Wanted,
    change,
    create,
    differing_code,
    is_left_behind,
    load_wanted,
    read_there,
)
from .settling import SCHEDULES, Settlement, settle
from .steps import State, Step
from .surroundings import (
    NewPool,
    block_types,
    compare_block_type,
    compare_pool,
    compare_queue,
    compare_storage,
    create_pool,
    create_queue,
    register_block_type,
    remove_storage,
    set_storage,
    storage_left_over,
)

SWITCHED_OFF = "switched off"
"""What is said of an automation that somebody has switched off: it stays so."""


@dataclass(frozen=True)
class Planned:
    """How something stands, and what brings it to where it is to be."""

    step: Step
    do: Callable[[], object] | None = None


@dataclass(frozen=True)
class Pair:
    """A deployment as it is to be, beside what is there, and what becomes of that.

    Attributes:
        wanted: As the file and the options have it.
        there: As the server has it.
        settlement: What changes of it; None where it is not there.
    """

    wanted: Wanted
    there: There | None
    settlement: Settlement | None

    @property
    def after(self) -> Mapping[str, object]:
        """Its fields when all is done."""
        if self.there is None or self.settlement is None:
            return self.wanted.fields
        after = {**self.there.fields, **self.settlement.changes}
        return {name: value for name, value in after.items() if value is not None}


def plan(
    client: SyncPrefectClient, file: Iterable[FileDeployment], given: DeployOptions, new_pool: NewPool
) -> list[Planned]:
    """Everything but the automations, in the order in which it is done.

    Raises:
        Refused: an option cannot be used, or a schedule that is on would start what cannot run.
    """
    if given.storage:
        check_storage(given.storage)
    loaded = [load_wanted(deployment) for deployment in file]
    there = {one.name: read_there(client, one.name, one.schema) for one in loaded}
    wanted = [_with_account(one, there[one.name]) for one in loaded]
    _check_started(client, set(there))
    last = next((one.last.options for one in there.values() if one and one.last.options), {})
    options = given.after(last)
    _check_options(wanted, options)
    pairs = [_pair(one, there[one.name], last, options) for one in wanted]
    for pair in pairs:
        _check_schedules(pair)
    return [
        *_plan_pools(client, pairs, new_pool),
        *_plan_blocks(client),
        *_plan_storage(client, options.get("storage"), last.get("storage")),
        *(_plan_deployment(client, pair, options) for pair in pairs),
    ]


def carry_out(planned: Sequence[Planned]) -> list[Step]:
    """Do what is planned; how it stands then."""
    steps = []
    for one in planned:
        if one.do is not None:
            one.do()
        steps.append(one.step.done())
    return steps


def automation_steps(changes: Iterable[Change] | None = None) -> list[Step]:
    """How the automations stand, or what was done about them."""
    compared: dict[str, State] = {"created": "missing", "updated": "differs", "removed": "left over"}
    steps = [
        Step("automation", change.name, compared.get(change.done, "there"), "" if change.enabled else SWITCHED_OFF)
        for change in (compare_automations(chosen_times()) if changes is None else changes)
    ]
    return steps if changes is None else [step.done() for step in steps]


def _pair(one: Wanted, there: There | None, last: Mapping[str, str], options: Mapping[str, str]) -> Pair:
    before, now = _asked(one, last), _asked(one, options)
    if there is None:
        return Pair(now, None, None)
    newly = {name for name, value in now.fields.items() if value != before.fields.get(name)}
    return Pair(now, there, settle(there.fields, now.fields, there.last.digests, newly))


def _check_started(client: SyncPrefectClient, wanted: Collection[str]) -> None:
    """Refuse, before anything is done, what the automations could not be installed with."""
    missing = [name for name in STARTED if name not in wanted and read_there(client, name, {}) is None]
    if missing:
        raise DeploymentMissing(
            f"Neither the file nor the server has {' and '.join(missing)}, which our automations start. Deploy "
            "ours first: `prefect-openai-batch deploy` without --file.",
            names=missing,
        )


def _with_account(form: Wanted, there: There | None) -> Wanted:
    """The form with the one account that there is; where there is a choice, with the one that it was given before.

    What the file names stands before it; and what a person has picked stays, as in any field.
    """
    if form.flow_name != openai_batch_form.name:
        return form
    was_given = there is not None and f"{PARAMETERS}account" in there.last.digests
    before = {"account": there.parameters.get("account")} if there and was_given else {}
    parameters = {**before, **prefilled(), **form.deployment.parameters}
    return replace(form, deployment=form.deployment.model_copy(update={"parameters": parameters}))


def _asked(one: Wanted, options: Mapping[str, str]) -> Wanted:
    return replace(one, deployment=with_options(one.deployment, options, one.waits_by))


def _check_options(wanted: Sequence[Wanted], options: Mapping[str, str]) -> None:
    if schedule := options.get("schedule"):
        check_schedule(schedule, options.get("timezone"))
        if not any(one.deployment.name == NIGHTLY for one in wanted):
            raise Refused(f"The file names no deployment {NIGHTLY!r}, which --schedule is about.")


def _check_schedules(pair: Pair) -> None:
    """Refuse to switch on what fails every night; what somebody has switched on is theirs."""
    changes = pair.wanted.fields if pair.settlement is None else pair.settlement.changes
    for slug, schedule in schedules_of(pair.after).items():
        given = {**parameters_of(pair.after), **schedule.parameters}
        switched_on = changes.get(f"{SCHEDULES}{slug}.active", False)
        if switched_on and (missing := pair.wanted.missing(given)):
            raise Refused(
                f"The schedule {slug} of {pair.wanted.name} would be on, and its runs would fail: there is no "
                f"{' and no '.join(missing)}. Name them in the deployment's parameters, in Prefect's UI (Edit) or "
                "in a file of your own (`prefect-openai-batch deployments write`, then `deploy --file`).",
                missing=missing,
            )


def _plan_pools(client: SyncPrefectClient, pairs: Sequence[Pair], new_pool: NewPool) -> Iterator[Planned]:
    for name in sorted({str(pair.after["work_pool"]) for pair in pairs}):
        step = compare_pool(client, name, new_pool)
        yield Planned(step, partial(create_pool, client, name, new_pool) if step.is_to_do else None)
    for pool, queue in sorted({_queue(pair) for pair in pairs if pair.wanted.fields.get("work_queue")}):
        step = compare_queue(client, pool, queue)
        yield Planned(step, partial(create_queue, client, pool, queue) if step.is_to_do else None)


def _queue(pair: Pair) -> tuple[str, str]:
    return str(pair.after["work_pool"]), str(pair.after["work_queue"])


def _plan_blocks(client: SyncPrefectClient) -> Iterator[Planned]:
    for block in block_types():
        step = compare_block_type(client, block)
        yield Planned(step, partial(register_block_type, block) if step.is_to_do else None)


def _plan_storage(client: SyncPrefectClient, wanted: str | None, last: str | None) -> Iterator[Planned]:
    if wanted:
        step = compare_storage(client, wanted, last=last)
        yield Planned(step, partial(set_storage, client, wanted) if step.is_to_do else None)
    elif last and (left := storage_left_over(client, last)) is not None:
        yield Planned(left, partial(remove_storage, client) if left.is_to_do else None)


def _plan_deployment(client: SyncPrefectClient, pair: Pair, options: Mapping[str, str]) -> Planned:
    wanted, there, settlement = pair.wanted, pair.there, pair.settlement
    if there is None or settlement is None:
        return Planned(Step("deployment", wanted.name, "missing"), partial(create, client, wanted, options))
    changed = [*differing_code(wanted, there), *settlement.changes]
    kept = ", ".join(settlement.kept)
    state: State = "differs" if changed else "kept" if kept else "there"
    details = f"{', '.join(changed)}; kept: {kept}" if changed and kept else ", ".join(changed) or kept
    step = Step("deployment", wanted.name, state, details)
    is_done = not changed and is_left_behind(wanted, there, options)
    return Planned(step, None if is_done else partial(change, client, wanted, there, settlement, options))
