"""An answer store by its name: a file, a URL without a password, or a database's name."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...batch.answer_store.answers import Answers
from ...batch.answer_store.names import WAY_OUT, checked_name
from ...batch.errors import DatabaseError
from ...batch.files.input_files import INPUT, InputFile
from ...batch.outcomes.outcome_files import FetchedOutput
from ...batch.storage import OWNER_ONLY
from .names import EXTRA, check_stays, database_engine

if TYPE_CHECKING:
    from sqlalchemy import URL

    from ...batch.answer_store.store import AnswerStore

log = logging.getLogger(__name__)

_SQLITE = re.compile(r"sqlite(\+pysqlite)?:///(?P<path>(?!file:|:memory:)[^?]+)")
"""A URL that says no more than which file it is."""

NONE = "none"
"""What is said where no store is to be used, whatever the team's variable names."""


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

        from ...batch.answer_store.store import AnswerStore
        from ...batch.answer_store.tables import reached
    except ImportError:
        raise DatabaseError(f"An answer store needs SQLAlchemy: {EXTRA}.", database=name) from None
    if is_file(name):
        return AnswerStore(create_engine(_file_url(name)), name)
    if "://" not in name:
        return AnswerStore(database_engine(name), name)
    url = _checked_url(name)
    try:
        with reached("of that URL"):
            return AnswerStore(create_engine(url), "of that URL")
    except ImportError as error:
        raise DatabaseError(f"The answer store needs the driver {error.name or error}.") from None


def open_store_of(answers: Answers) -> AnswerStore:
    """Open the answer store that a job began with; none is made in its place.

    Raises:
        DatabaseError: as `open_store` does, or what bears its name here is not that store.

    Example:
        ```python
        from prefect_openai_batch.batch.answer_store.answers import Answers
        from prefect_openai_batch.blocks.databases import open_store, open_store_of

        with open_store("./answers.db") as store:
            opening = store.open_job("reviews", "https://api.openai.com/v1")
        answers = Answers(store="./answers.db", server="https://api.openai.com/v1", opening=opening)
        with open_store_of(answers) as own:
            print(own.knows(opening))
        ```
    """
    _check_stands(answers)
    store = open_store(answers.store)
    try:
        if not store.knows(answers.opening):
            raise _other_store(answers)
    except DatabaseError:
        store.engine.dispose()
        raise
    return store


def _check_stands(answers: Answers) -> None:
    """Refuse a file that is not here: the job began with one, which another machine may have."""
    if is_file(answers.store) and not Path(whole_name(answers.store)).exists():
        raise _other_store(answers)


def _other_store(answers: Answers) -> DatabaseError:
    return DatabaseError(
        f"The answer store {answers.store} is not the one that the job began with, or is not on this machine. "
        "Without it all rows would be paid again: bring it back, or name a database that every machine of the job "
        "reaches and begin with another job key.",
        database=answers.store,
    )


def keep_answers(
    answers: Answers, file: InputFile | None, output: FetchedOutput, paths: Sequence[Path]
) -> int | None:
    """Keep what came for an input file in the store of its job; that this fails is no reason to lose it.

    Args:
        answers: The store, and the server that was asked.
        file: What was sent; None, or one without its lines, is not known by what it sent.
        output: What became of its items.
        paths: What came, as lines of output files.

    Returns:
        How many answers were new; None where they could not be kept, which is logged.
    """
    from ...batch.answer_store.keeping import keep_output

    if file is None or not file.files.exists(INPUT):
        return None
    try:
        _check_stands(answers)
        with open_store(answers.store) as store:
            return keep_output(store, answers, file, output, paths)
    except Exception as error:  # they are paid, and stand in the job's own records
        why = str(error) if isinstance(error, DatabaseError) else type(error).__name__
        log.warning("The answers of %s are there, but not kept for other jobs: %s", output.batch.id, why)
        return None


def is_file(name: str) -> bool:
    """Whether an answer store is a file by its name, also as SQLite's URL, and not another database."""
    return path_in(name) is not None


def needs_prefect(name: str) -> bool:
    """Whether an answer store's name may be a block's."""
    return not (is_file(name) or "://" in name or name in os.environ)


def whole_name(name: str) -> str:
    """An answer store's name as any process finds it: a file's from the root."""
    path = path_in(name)
    return name if path is None else str(Path(path).expanduser().absolute())


def path_in(name: str) -> str | None:
    """The path of a SQLite file in an answer store's name; None where it names another database."""
    if name in os.environ:
        return None
    if found := _SQLITE.fullmatch(name):
        return found["path"]
    is_path = Path(name).name != name or Path(name).suffix in (".db", ".sqlite", ".sqlite3")
    return name if is_path and "://" not in name else None


def _file_url(name: str) -> URL:
    """The URL of a SQLite file, which only its owner may read: it holds people's data."""
    from sqlalchemy import URL

    path = Path(whole_name(name))
    try:
        path.parent.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise DatabaseError(
            f"The answer store {name} cannot be opened: {error.strerror}.", database=name
        ) from None
    return URL.create("sqlite", database=str(path))


def _checked_url(written: str) -> URL:
    """A URL that may stand in parameters and records.

    Raises:
        DatabaseError: it is none, holds a password, or is of a database that does not stay.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(checked_name(written))
    except ArgumentError:
        raise DatabaseError(f"What names the answer store is no URL of SQLAlchemy's. {WAY_OUT}.") from None
    check_stays("of that URL", url)
    return url
