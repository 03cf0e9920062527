"""The answer store: answers by digest, in one database that many jobs use at once."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from struct import Struct
from typing import Any

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, Engine, func, select, text
from sqlalchemy.dialects import postgresql, sqlite

from .. import clock
from ..limits import KEPT_SECONDS
from .answers import KeptAnswer, Opening
from .tables import ANSWERS, FORGOTTEN, METADATA, OPENINGS, make_tables, prepare_engine, reached, writing

AT_ONCE = 500
"""Digests that are looked up together, and answers that are kept together."""

DAY_SECONDS = 86_400

SMALLEST_PACKED = 200
"""Bytes of a body that is worth compressing."""

_LZ4 = pa.Codec("lz4_raw")
"""Of a body of 800 bytes it makes 500, within 2 µs there and back; zlib makes 350 within 20, and zstd no less."""

_MARK = b"\x04"
_PACKED = Struct("<cI")
"""What stands before a packed body: the mark, and its bytes when unpacked."""


class AnswerStore:
    """Answers in a database; closed at the end of a `with` block.

    Example:
        ```python
        from prefect_openai_batch.batch.answer_store.answers import KeptAnswer
        from prefect_openai_batch.batch.answer_store.store import AnswerStore
        from sqlalchemy import create_engine

        with AnswerStore(create_engine("sqlite://")) as store:
            job = store.open_job("reviews", "https://api.openai.com/v1")
            store.keep([KeptAnswer(b"digest", b"{}", "/v1/responses", "gpt-5-mini", "reviews", "row-1")], job)
            print(store.find([b"digest"], store.now()))
        ```

    Args:
        engine: SQLAlchemy's engine, which whoever keeps more in the same database may use too.
        name: What errors call the store.

    Raises:
        DatabaseError: the database cannot be used; of all methods.
    """

    def __init__(self, engine: Engine, name: str = "") -> None:
        self.engine = prepare_engine(engine)
        self.name = name
        with self.reached():
            make_tables(self.engine, METADATA)

    def __enter__(self) -> "AnswerStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()

    def reached(self) -> AbstractContextManager[None]:
        """Let what the database cannot do in the block be said in its own words.

        Raises:
            DatabaseError: in place of SQLAlchemy's errors.
        """
        return reached(self.name, self.engine.url)

    def open_job(self, keeper: str, server: str, max_age_days: float | None = None) -> Opening:
        """Number a job as it begins; begun anew, it finds its number for as long as OpenAI keeps its files.

        It is known by its name as a keeper, and by the server that it asks. Whoever is keeping answers just then
        comes to its end first: what a job sees does not change later on.
        """
        with self.reached(), writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"LOCK TABLE {ANSWERS.name} IN SHARE ROW EXCLUSIVE MODE"))
            known = _opening(connection, keeper, server)
            if known is not None and known.opened_at < clock.now() - KEPT_SECONDS:
                forget_openings(connection, OPENINGS.c.number == known.number)
                known = None
            if known is None:
                values = {"keeper": keeper, "server": server, "opened_at": int(clock.now())}
                connection.execute(OPENINGS.insert(), values)
                new = _opening(connection, keeper, server)
                assert new is not None, "it was just written"
                known = new.model_copy(update={"is_new": True})
        return _aged(known, max_age_days)

    def forget_opening(self, opening: Opening) -> None:
        """Let a job that has sent nothing be as if it had not begun: begun again, it sees what came since."""
        with self.reached(), writing(self.engine) as connection:
            forget_openings(connection, OPENINGS.c.number == opening.number)

    def knows(self, opening: Opening) -> bool:
        """Whether a job of this opening can have begun in this store, as its numbers tell."""
        with self.reached(), self.engine.connect() as connection:
            return _last(connection) >= opening.number

    def now(self, max_age_days: float | None = None) -> Opening:
        """What a job would see that began now; nothing is written."""
        with self.reached(), self.engine.connect() as connection:
            number = _last(connection) + 1
        return _aged(Opening(number=number, opened_at=int(clock.now())), max_age_days)

    def find(self, digests: Sequence[bytes], opening: Opening) -> dict[bytes, bytes]:
        """The bodies of the answers that a job sees, by their digests."""
        found: dict[bytes, bytes] = {}
        with self.reached(), self.engine.connect() as connection:
            for some in _some_at_once(digests):
                for digest, body in _chosen(connection, some, opening, "digest, body"):
                    found[bytes(digest)] = bytes(body)  # the latest edition counts
        return {digest: _unpacked(body) for digest, body in found.items()}

    def keep(self, answers: Iterable[KeptAnswer], opening: Opening) -> int:
        """Keep answers for the job of this opening and those to come; of equal ones the first in stays.

        One that is too old for the job stays for those that began before.

        Returns:
            How many were new.
        """
        with self.reached():
            return sum(self._keep(some, opening) for some in _some_at_once(answers))

    def _keep(self, answers: Sequence[KeptAnswer], opening: Opening) -> int:
        with writing(self.engine) as connection:
            if connection.dialect.name == "postgresql":  # before the last number is read
                connection.execute(text(f"LOCK TABLE {ANSWERS.name} IN ROW EXCLUSIVE MODE"))
            digests = [answer.digest for answer in answers]
            anybody = opening.model_copy(update={"number": _last(connection) + 1})
            known = {bytes(digest) for (digest,) in _chosen(connection, digests, anybody, "digest")}
            new = {answer.digest: answer for answer in reversed(answers) if answer.digest not in known}
            if not new:
                return 0
            same = {"edition": _last(connection), "kept_at": int(clock.now())}
            rows: list[dict[str, Any]] = [
                {**new[digest]._asdict(), **same, "body": _packed(new[digest].body)}
                for digest in sorted(new)  # in one order, so that two who keep the same do not block each other
            ]
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            connection.execute(insert(ANSWERS).on_conflict_do_nothing(), rows)
            return len(new)


def _chosen(connection: Connection, digests: list[bytes], opening: Opening, columns: str) -> Iterable[Any]:
    """Columns of the answers that a job sees, the latest edition of each last.

    It is plain SQL, for a million digests in a list of SQLAlchemy's take it several times as long as the database.
    """
    number, oldest = opening.number, opening.oldest or 0
    said = (
        f"SELECT {columns} FROM {ANSWERS.name} "  # noqa: S608  # nobody else's words are in it
        "WHERE digest {} AND edition < {} AND kept_at >= {} ORDER BY edition"
    )
    if connection.dialect.name == "sqlite":
        among = f"IN ({','.join('?' * len(digests))})"
        return connection.exec_driver_sql(said.format(among, "?", "?"), (*digests, number, oldest))
    asked = text(said.format("= ANY(:digests)", ":number", ":oldest"))
    return connection.execute(asked, {"digests": digests, "number": number, "oldest": oldest})


def _opening(connection: Connection, keeper: str, server: str) -> Opening | None:
    """The number of a job that has begun."""
    chosen = select(OPENINGS.c.number, OPENINGS.c.opened_at).where(
        (OPENINGS.c.keeper == keeper) & (OPENINGS.c.server == server)
    )
    row = connection.execute(chosen).first()
    return None if row is None else Opening(number=row.number, opened_at=row.opened_at)


def forget_openings(connection: Connection, chosen: ColumnElement[bool]) -> int:
    """Let jobs that have begun be nobody's; their numbers stay, for numbers only grow. Returns how many."""
    numbers = connection.scalars(select(OPENINGS.c.number).where(chosen)).all()
    for number in numbers:
        nobody = {"keeper": FORGOTTEN.format(number), "server": ""}
        connection.execute(OPENINGS.update().where(OPENINGS.c.number == number).values(**nobody))
    return len(numbers)


def _last(connection: Connection) -> int:
    """The number of the job that began last; 0 where none has."""
    return connection.scalar(select(func.max(OPENINGS.c.number))) or 0


def _aged(opening: Opening, max_age_days: float | None) -> Opening:
    if max_age_days is None:
        return opening
    return opening.model_copy(update={"oldest": opening.opened_at - int(max_age_days * DAY_SECONDS)})


def _some_at_once(values: Iterable[Any]) -> Iterator[list[Any]]:
    """All of them, `AT_ONCE` at a time."""
    coming = iter(values)
    while some := list(islice(coming, AT_ONCE)):
        yield some


def _packed(body: bytes) -> bytes:
    """A body in fewer bytes where that can be; JSON begins with no byte of ours."""
    if len(body) < SMALLEST_PACKED:
        return body
    made: bytes = _LZ4.compress(body, asbytes=True)
    return _PACKED.pack(_MARK, len(body)) + made if len(made) + _PACKED.size < len(body) else body


def _unpacked(kept: bytes) -> bytes:
    if kept[:1] != _MARK:
        return kept
    _, size = _PACKED.unpack_from(kept)
    body: bytes = _LZ4.decompress(kept[_PACKED.size :], size, asbytes=True)
    return body
