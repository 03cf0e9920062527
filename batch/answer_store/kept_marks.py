"""The marks of tables, kept beside the answers: how far the last finished run took each."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, LargeBinary, MetaData, String, Table, Text, select
from sqlalchemy.exc import IntegrityError

from ..watermarks.mark import KeptMark, Mark
from ..watermarks.remembered import DIGEST_BYTES
from .store import AnswerStore
from .tables import make_tables, writing

METADATA = MetaData()

MARKS = Table(
    "openai_batch_marks",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("column", Text, nullable=False),
    Column("mark", Text, nullable=False),
    Column("seen", LargeBinary, nullable=False),
    Column("moves", BigInteger, nullable=False),
)
"""One mark a row: what is read by it, as a digest and in words, the mark itself as JSON, with values of any size,
the digests of the rows that it does not tell of, and how often it was moved."""


class Marked(NamedTuple):
    """A mark as a person sees it: its key, what it is of, and how many rows are remembered with it."""

    key: str
    name: str
    column: str
    mark: Mark
    remembered: int


class KeptMarks:
    """The marks in the database of an answer store.

    Raises:
        DatabaseError: the database cannot be used; of all methods.
    """

    def __init__(self, store: AnswerStore) -> None:
        self._engine, self._store = store.engine, store
        with self._store.reached():
            make_tables(self._engine, METADATA)

    def find(self, key: str) -> KeptMark | None:
        """The mark of a table; None where no run has finished."""
        with self._store.reached(), self._engine.connect() as connection:
            found = connection.execute(select(MARKS.c.mark, MARKS.c.seen).where(MARKS.c.key == key)).first()
        return None if found is None else KeptMark(Mark.model_validate_json(found.mark), bytes(found.seen))

    def move(self, key: str, moved: KeptMark, *, name: str, column: str, read_from: Mark | None = None) -> bool:
        """Move a mark, unless a run has moved it that read the table later; again and again is as good as once.

        Args:
            key: What is read by it.
            moved: The mark as it is from now on.
            name: What the source is called.
            column: The watermark column.
            read_from: The mark that the table was read from. It is the earlier one whatever the clocks of two
                machines say.

        Returns:
            Whether it stands there now.
        """
        mark = moved.mark.model_dump_json()
        values: dict[str, Any] = {"name": name, "column": column, "mark": mark, "seen": moved.seen}
        while True:
            with self._store.reached(), writing(self._engine) as connection:
                done = _moved(connection, key, moved.mark, values, read_from)
            if done is not None:
                return done

    def all(self) -> list[Marked]:
        """Every mark, by what it is of."""
        with self._store.reached(), self._engine.connect() as connection:
            rows = connection.execute(select(MARKS).order_by(MARKS.c.name, MARKS.c.column, MARKS.c.key)).all()
        return [
            Marked(
                row.key,
                row.name,
                row.column,
                Mark.model_validate_json(row.mark),
                len(bytes(row.seen)) // DIGEST_BYTES,
            )
            for row in rows
        ]

    def forget(self, keys: Sequence[str]) -> int:
        """Remove marks, so that the next run takes all rows; how many there were."""
        with self._store.reached(), writing(self._engine) as connection:
            return connection.execute(MARKS.delete().where(MARKS.c.key.in_(keys))).rowcount


def _moved(
    connection: Connection, key: str, mark: Mark, values: dict[str, Any], read_from: Mark | None
) -> bool | None:
    """Whether the mark stands there now; None where another one was faster, and it is to be looked at again."""
    known = connection.execute(select(MARKS.c.mark, MARKS.c.moves).where(MARKS.c.key == key)).first()
    if known is None:
        try:
            with connection.begin_nested():
                connection.execute(MARKS.insert(), {"key": key, "moves": 1, **values})
        except IntegrityError:
            return None
        return True
    stands = Mark.model_validate_json(known.mark)
    if stands != read_from and not mark.follows(stands):
        return False
    as_it_was = (MARKS.c.key == key) & (MARKS.c.moves == known.moves)
    moved = connection.execute(MARKS.update().where(as_it_was).values(**values, moves=known.moves + 1))
    return True if moved.rowcount else None
