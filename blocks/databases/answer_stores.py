"""An answer store by its name: a file, a URL without a password, or a database's name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...batch.errors import DatabaseError
from ...batch.storage import OWNER_ONLY
from .names import EXTRA, database_engine

if TYPE_CHECKING:
    from sqlalchemy import URL

    from ...batch.answer_store.store import AnswerStore

WAY_OUT = (
    "Name a file, such as answers.db, a URL without a password, or the name of an environment variable, a "
    "SqlAlchemyConnector or a Secret block that holds the URL"
)

_SECRET = re.compile("pass|pwd|secret|token", re.IGNORECASE)
"""What parameters of a URL are called that hold a password."""


def open_store(name: str) -> AnswerStore:
    """Open an answer store, and make its tables where they are not there yet.

    Args:
        name: The path of a SQLite file, which is made where it is not there; a SQLAlchemy URL without a password;
            or a database's name, as `database_engine` takes it.

    Raises:
        DatabaseError: nothing bears that name, the URL holds a password, or the database cannot be reached.

    Example:
        ```python
        from prefect_openai_batch.blocks.databases import open_store

        with open_store("./answers.db") as store:
            print(store.engine.dialect.name)
        ```
    """
    try:
        from sqlalchemy import create_engine
    except ImportError:
        raise DatabaseError(f"An answer store needs SQLAlchemy: {EXTRA}.", database=name) from None
    from ...batch.answer_store.store import AnswerStore

    with reached(name):
        if is_file(name):
            return AnswerStore(create_engine(_file_url(Path(name).expanduser())))
        if "://" not in name:
            return AnswerStore(database_engine(name))
        try:
            return AnswerStore(create_engine(_checked_url(name)))
        except ImportError as error:
            raise DatabaseError(f"The answer store needs the driver {error.name or error}.") from None


def is_file(name: str) -> bool:
    """Whether an answer store is a file by its name, and not a URL or a database's name."""
    if "://" in name or name in os.environ:
        return False
    return Path(name).name != name or Path(name).suffix in (".db", ".sqlite", ".sqlite3")


@contextmanager
def reached(name: str) -> Iterator[None]:
    """Let what a database cannot do say which store it is, and nothing that its driver quotes.

    Raises:
        DatabaseError: in place of SQLAlchemy's errors.
    """
    from sqlalchemy.exc import SQLAlchemyError

    shown = name if "://" not in name else "at that URL"
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        why = type(getattr(error, "orig", None) or error).__name__
        raise DatabaseError(
            f"The answer store {shown} cannot be used ({why}). Without it all rows would be paid again: mend it, "
            "or start without one (answers='none', --answers none).",
            database=shown,
        ) from None


def _file_url(path: Path) -> URL:
    """The URL of a SQLite file, which only its owner may read: it holds people's data."""
    from sqlalchemy import URL

    path.parent.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return URL.create("sqlite", database=str(path))


def _checked_url(written: str) -> URL:
    """A URL that may stand in parameters and records.

    Raises:
        DatabaseError: it is none, or holds a password.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(written)
    except ArgumentError:
        raise DatabaseError(f"What names the answer store is no URL of SQLAlchemy's. {WAY_OUT}.") from None
    if url.password or any(map(_SECRET.search, url.query)):
        raise DatabaseError(
            f"The answer store's URL holds a password, and would stand in parameters and records. {WAY_OUT}."
        )
    return url
