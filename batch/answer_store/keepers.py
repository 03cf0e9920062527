"""Who has kept the answers of a store, as a person tells them apart."""

from collections.abc import Iterable

from sqlalchemy import or_, select
from sqlalchemy.dialects import postgresql, sqlite

from .answers import SIGN, Keeper
from .store import AnswerStore
from .tables import ANSWERS, KEEPERS, writing

SHORT_NAME = 9
"""Characters of a name that are shown, and name it."""


def introduce(store: AnswerStore, keeper: Keeper) -> None:
    """Let a store say who keeps answers there; again is as good as once."""
    insert = postgresql.insert if store.engine.dialect.name == "postgresql" else sqlite.insert
    with store.reached(), writing(store.engine) as connection:
        connection.execute(insert(KEEPERS).on_conflict_do_nothing(), keeper.model_dump())


def keepers_of(store: AnswerStore, names: Iterable[str]) -> dict[str, Keeper]:
    """Who has these names; who kept answers with an earlier version is known by the job's key alone."""
    with store.reached(), store.engine.connect() as connection:
        rows = connection.execute(select(KEEPERS)).all()
    known = {row.name: Keeper(name=row.name, key=row.key, folder=row.folder, asks=row.asks) for row in rows}
    return {name: known.get(name) or Keeper(name=name, key=name) for name in names}


def keepers_named(store: AnswerStore, given: str) -> list[Keeper]:
    """Those with answers in a store whose key is given, or their name's beginning, as far as it is shown."""
    said = [KEEPERS.c.key == given]
    if given.startswith(SIGN):
        said.append(KEEPERS.c.name.startswith(given, autoescape=True))
    named = ANSWERS.c.keeper.in_(select(KEEPERS.c.name).where(or_(*said)))
    kept = select(ANSWERS.c.keeper).distinct().where(or_(ANSWERS.c.keeper == given, named))
    with store.reached(), store.engine.connect() as connection:
        names = connection.scalars(kept.order_by(ANSWERS.c.keeper)).all()
    return [*keepers_of(store, names).values()]
