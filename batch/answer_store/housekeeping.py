"""What an answer store holds, and what is taken out of it again."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, Float, and_, cast, delete, func, select
from sqlalchemy.exc import DBAPIError

from .. import clock
from .answers import Keeper
from .keepers import keepers_of
from .store import DAY_SECONDS, AnswerStore, forget_openings
from .tables import ANSWERS, KEEPERS, OPENINGS, writing


class Held(NamedTuple):
    """The answers that one keeper has of one model at one endpoint: how many, from when to when, and how large.

    `oldest` and `newest` are in Unix seconds; `cost_usd` is what those cost of which it is known, `unpriced`
    counts the others.
    """

    keeper: Keeper
    endpoint: str
    model: str | None
    answers: int
    oldest: int
    newest: int
    bytes: int
    cost_usd: Decimal
    unpriced: int


def held(store: AnswerStore) -> list[Held]:
    """What a store holds, by who has kept it, endpoint and model; what was kept first comes first."""
    columns = ANSWERS.c
    asked = (
        select(
            columns.keeper,
            columns.endpoint,
            columns.model,
            func.count(),
            func.min(columns.kept_at),
            func.max(columns.kept_at),
            func.sum(func.length(columns.body)),
            func.coalesce(func.sum(cast(columns.cost_usd, Float)), 0.0),
            func.count() - func.count(columns.cost_usd),
        )
        .group_by(columns.keeper, columns.endpoint, columns.model)
        .order_by(func.min(columns.kept_at), columns.keeper, columns.endpoint, columns.model)
    )
    with store.reached(), store.engine.connect() as connection:
        rows = connection.execute(asked).all()
    keepers = keepers_of(store, {row[0] for row in rows})
    return [
        Held(keepers[name], endpoint, model, answers, oldest, newest, int(size), Decimal(f"{cost:.9f}"), unpriced)
        for name, endpoint, model, answers, oldest, newest, size, cost, unpriced in rows
    ]


class Chosen(NamedTuple):
    """Which answers are meant: those for which all holds that is given; nothing given means none.

    Attributes:
        custom_ids: They were sent under one of these.
        keeper: The one of this name has kept them.
        older_than_days: They were kept so many days ago or more.
    """

    custom_ids: Collection[str] = ()
    keeper: str | None = None
    older_than_days: float | None = None

    @property
    def names_nothing(self) -> bool:
        """Whether nothing is given."""
        return not self.custom_ids and self.keeper is None and self.older_than_days is None

    def condition(self) -> ColumnElement[bool]:
        """The same for a database."""
        columns, given = ANSWERS.c, list[ColumnElement[bool]]()
        if self.custom_ids:
            given.append(columns.custom_id.in_([*self.custom_ids]))
        if self.keeper is not None:
            given.append(columns.keeper == self.keeper)
        if self.older_than_days is not None:
            given.append(columns.kept_at <= int(clock.now() - self.older_than_days * DAY_SECONDS))
        assert given, "nothing given means none"
        return and_(*given)


def count_chosen(store: AnswerStore, chosen: Chosen) -> int:
    """How many answers are meant."""
    if chosen.names_nothing:
        return 0
    with store.reached(), store.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(ANSWERS).where(chosen.condition())) or 0


def forget_answers(store: AnswerStore, chosen: Chosen) -> int:
    """Remove answers, and give their room back; returns how many there were."""
    if chosen.names_nothing:
        return 0
    with store.reached(), writing(store.engine) as connection:
        removed = connection.execute(delete(ANSWERS).where(chosen.condition())).rowcount
    _give_back(store)
    return removed


def forget_keeper(store: AnswerStore, name: str) -> int:
    """Remove what the keeper of this name has kept, and that it ever began; returns how many answers there were.

    Answers that another one had kept before, and this one only took, stay.
    """
    with store.reached(), writing(store.engine) as connection:
        removed = connection.execute(delete(ANSWERS).where(ANSWERS.c.keeper == name)).rowcount
        connection.execute(delete(KEEPERS).where(KEEPERS.c.name == name))
        forget_openings(connection, OPENINGS.c.keeper == name)
    _give_back(store)
    return removed


def _give_back(store: AnswerStore) -> None:
    """Let nothing of what was removed stay in a SQLite file; PostgreSQL sees to that itself in its time."""
    if store.engine.dialect.name != "sqlite":
        return
    try:
        with store.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    except (
        DBAPIError
    ):  # somebody is at work with it: the bytes are overwritten already, the file is only no smaller
        return
