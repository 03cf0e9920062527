"""`answers`: what an answer store holds; old answers pruned, and some forgotten."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ...batch.jobs.options import LONGEST_DAYS
from ...batch.prices import dollars
from ...batch.words import counted, size
from .. import process
from ..run_options import NumberRange
from .listing import listing

if TYPE_CHECKING:
    from ...batch.answer_store.housekeeping import Chosen, Held
    from ...batch.answer_store.store import AnswerStore

Command = TypeVar("Command", bound=Callable[..., Any])

_HEADERS = ("job", "name", "model", "answers", "size", "oldest", "newest", "what they cost", "asks", "job folder")

_NUMBERS = (3, 4)

store_option = click.option(
    "--answers",
    "name",
    metavar="STORE",
    help="The answer store.  [default: the Prefect variable openai_batch_answers]",
)
yes = click.option("--yes", "-y", "sure", is_flag=True, help="Do not ask.")
older_than = click.option(
    "--older-than",
    "days",
    type=NumberRange(min=0, max=LONGEST_DAYS),
    metavar="DAYS",
    help="Kept so many days ago or more.",
)


@click.group("answers")
def answers_command() -> None:
    """See what an answer store holds, prune it, and let it forget."""


@answers_command.command("show")
@store_option
@process.as_json
def show_answers(name: str | None, *, as_json: bool) -> None:
    """Show how many answers each job has kept, of which models, since when, how large, and what they cost."""
    with opened_store(name) as store:
        from ...batch.answer_store.housekeeping import held

        found = held(store)
    if as_json:
        for one in found:
            process.print_json(json.dumps(_as_json(one)))
        return
    if not found:
        click.echo("no answers are kept", err=True)
        return
    click.echo(listing(_HEADERS, [_line(one) for one in found], right=_NUMBERS))
    if len(found) > 1:
        total, paid = sum(one.answers for one in found), sum((one.cost_usd for one in found), Decimal(0))
        click.echo(f"{counted(total, 'answer')} in all, for {dollars(paid)}")


@answers_command.command("prune")
@store_option
@click.option(
    "--older-than",
    "days",
    type=NumberRange(min=0, max=LONGEST_DAYS),
    metavar="DAYS",
    required=True,
    help="Kept so long ago.",
)
@yes
def prune_answers(name: str | None, days: float, *, sure: bool) -> None:
    """Remove the answers that were kept DAYS ago or more."""
    from ...batch.answer_store.housekeeping import Chosen

    _forget(name, Chosen(older_than_days=days), sure=sure)


@answers_command.command("forget")
@store_option
@click.option("--custom-id", "custom_ids", multiple=True, help="Of the row with this custom_id; may stand often.")
@click.option("--job", metavar="JOB", help="Kept by the job of this key, or of this name, as `show` tells both.")
@older_than
@yes
def forget_answers_of(
    name: str | None, custom_ids: tuple[str, ...], job: str | None, days: float | None, *, sure: bool
) -> None:
    """Remove answers: by custom_id, by job, by age; of several only those for which all of it holds."""
    from ...batch.answer_store.housekeeping import Chosen

    chosen = Chosen(custom_ids, job, days)
    if chosen.names_nothing:
        raise click.UsageError("Say which answers: --custom-id, --job or --older-than.")
    _forget(name, chosen, sure=sure)


def _forget(name: str | None, chosen: "Chosen", *, sure: bool) -> None:
    with opened_store(name) as store:
        from ...batch.answer_store.housekeeping import count_chosen, forget_answers

        if chosen.keeper is not None:
            chosen = chosen._replace(keeper=_keeper_named(store, chosen.keeper))
        count = count_chosen(store, chosen)
        question = f"Remove {counted(count, 'answer')} from {store.name}? What asks for them again pays again."
        if count > len(chosen.custom_ids) and not (sure or click.confirm(question)):
            click.echo("nothing removed")
            return
        click.echo(f"{counted(forget_answers(store, chosen), 'answer')} removed")


def _keeper_named(store: "AnswerStore", given: str) -> str:
    """The name of who has kept answers under a key, or a name that begins so; what is given if nobody has."""
    from ...batch.answer_store.keepers import SHORT_NAME, keepers_named

    found = keepers_named(store, given)
    if len(found) > 1:
        told = [f"{one.name[:SHORT_NAME]} (folder {one.folder or 'not known'}; {one.asks})" for one in found]
        raise click.UsageError(
            f"{len(found)} jobs are called {given!r}; give --job the name of one: {'; '.join(told)}."
        )
    return found[0].name if found else given


@contextmanager
def opened_store(name: str | None) -> "Iterator[AnswerStore]":
    """The store of this name, or the team's; Prefect is asked where the name is a block's."""
    process.quieten()
    chosen = name or process.team_store()
    if not chosen:
        raise click.UsageError("Say which answer store: --answers answers.db, or a database's name.")
    from ...blocks.databases import existing_store
    from ...blocks.databases.answer_stores import needs_prefect

    surroundings = process.prefect_in_this_process if needs_prefect(chosen) else process.calls_in_this_process
    with surroundings():
        found = existing_store(chosen)
        if found is None:
            raise click.UsageError(f"There is no answer store {chosen}: a run makes one, and nothing else does.")
        with found as store:
            yield store


def _line(one: "Held") -> tuple[str, ...]:
    from ...batch.answer_store.keepers import SHORT_NAME

    keeper = one.keeper
    name = keeper.name[:SHORT_NAME] if keeper.name != keeper.key else ""
    cost = dollars(one.cost_usd) + (f", and {one.unpriced:,} at an unknown price" if one.unpriced else "")
    told = (f"{one.answers:,}", size(one.bytes), _day(one.oldest), _day(one.newest), cost)
    return keeper.key, name, one.model or "no model", *told, keeper.asks, keeper.folder


def _as_json(one: "Held") -> dict[str, Any]:
    keeper = one.keeper
    who = {"job": keeper.key, "name": keeper.name, "folder": keeper.folder, "asks": keeper.asks}
    return {**who, **one._asdict(), "keeper": keeper.name, "cost_usd": str(one.cost_usd)}


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
