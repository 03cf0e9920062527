"""What an answer store holds, and what is taken out of it again."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import ColumnElement, Float, and_, cast, delete, func, select
from sqlalchemy.exc import DBAPIError

from .. import clock
from .store import DAY_SECONDS, AnswerStore, forget_openings
from .tables import ANSWERS, OPENINGS, reached, writing


class Held(NamedTuple):
    """The answers of one model at one endpoint: how many, from when to when (Unix seconds), and how large.

    `cost_usd` is what those cost of which it is known; `unpriced` counts the others.
    """

    endpoint: str
    model: str | None
    answers: int
    oldest: int
    newest: int
    bytes: int
    cost_usd: Decimal
    unpriced: int


def held(store: AnswerStore) -> list[Held]:
    """What a store holds, by endpoint and model."""
    columns = ANSWERS.c
    asked = (
        select(
            columns.endpoint,
            columns.model,
            func.count(),
            func.min(columns.kept_at),
            func.max(columns.kept_at),
            func.sum(func.length(columns.body)),
            func.coalesce(func.sum(cast(columns.cost_usd, Float)), 0.0),
            func.count() - func.count(columns.cost_usd),
        )
        .group_by(columns.endpoint, columns.model)
        .order_by(columns.endpoint, columns.model)
    )
    with reached(store.name), store.engine.connect() as connection:
        rows = connection.execute(asked).all()
    return [
        Held(endpoint, model, answers, oldest, newest, int(size), Decimal(f"{cost:.9f}"), int(unpriced))
        for endpoint, model, answers, oldest, newest, size, cost, unpriced in rows
    ]


class Chosen(NamedTuple):
    """Which answers are meant: those for which all holds that is given; nothing given means none.

    Attributes:
        custom_ids: They were sent under one of these.
        job_key: A job of this key has kept them.
        older_than_days: They were kept so many days ago or more.
    """

    custom_ids: Collection[str] = ()
    job_key: str | None = None
    older_than_days: float | None = None

    @property
    def names_nothing(self) -> bool:
        """Whether nothing is given."""
        return not self.custom_ids and self.job_key is None and self.older_than_days is None

    def condition(self) -> ColumnElement[bool]:
        """The same for a database."""
        columns, given = ANSWERS.c, list[ColumnElement[bool]]()
        if self.custom_ids:
            given.append(columns.custom_id.in_([*self.custom_ids]))
        if self.job_key is not None:
            given.append(columns.job_key == self.job_key)
        if self.older_than_days is not None:
            given.append(columns.kept_at <= int(clock.now() - self.older_than_days * DAY_SECONDS))
        assert given, "nothing given means none"
        return and_(*given)


def count_chosen(store: AnswerStore, chosen: Chosen) -> int:
    """How many answers are meant."""
    if chosen.names_nothing:
        return 0
    with reached(store.name), store.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(ANSWERS).where(chosen.condition())) or 0


def forget_answers(store: AnswerStore, chosen: Chosen) -> int:
    """Remove answers, and give their room back; returns how many there were."""
    if chosen.names_nothing:
        return 0
    with reached(store.name), writing(store.engine) as connection:
        removed = connection.execute(delete(ANSWERS).where(chosen.condition())).rowcount
    _give_back(store)
    return removed


def forget_job(store: AnswerStore, job_key: str) -> int:
    """Remove what jobs of this key have kept, and that they ever began; returns how many answers there were.

    Answers that another job had kept before, and this one only took, stay.
    """
    with reached(store.name), writing(store.engine) as connection:
        removed = connection.execute(delete(ANSWERS).where(ANSWERS.c.job_key == job_key)).rowcount
        forget_openings(connection, OPENINGS.c.job_key == job_key)
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
