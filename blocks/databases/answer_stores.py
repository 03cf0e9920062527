"""An answer store by its name: a file, a URL without a password, or a database's name."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...batch.answer_store.answers import Answers
from ...batch.answer_store.names import WAY_OUT, checked_name
from ...batch.errors import DatabaseError
from ...batch.files.input_files import INPUT, InputFile
from ...batch.outcomes.outcome_files import FetchedOutput
from ...batch.urls import without_secrets
from .names import EXTRA, check_stays, engine_named

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

    from ...batch.answer_store.store import AnswerStore

log = logging.getLogger(__name__)

_SQLITE = re.compile(r"sqlite(\+pysqlite)?:///(?P<path>(?!file:|:memory:)[^?]+)")
"""A URL that says no more than which file it is."""

NONE = "none"
"""What is said where no store is to be used, whatever the team's variable names."""


ENDINGS = (".db", ".sqlite", ".sqlite3")
"""How the names of files end that are answer stores."""

RULE = (
    f"A file's name ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, or has its folder before it, as "
    "./answers; any other name is a block's or an environment variable's"
)
"""Which names are files."""

IN_OWN_WORDS = "of that URL"
"""What a store is called whose URL cannot be read, and may hold anything."""


def open_store(name: str) -> AnswerStore:
    """Open an answer store, and make its tables where they are not there yet.

    A file that is made only its owner may read, for it holds people's data; a folder is not made for it.

    Args:
        name: The path of a SQLite file, which is made where it is not there; a SQLAlchemy URL without a password;
            or a database's name, as `database_engine` takes it.

    Raises:
        DatabaseError: nothing bears that name, the URL holds a password, the database cannot be reached, or the
            file's folder is not there.

    Example:
        ```python
        from prefect_openai_batch.blocks.databases import open_store

        with open_store("./answers.db") as store:
            print(store.engine.dialect.name)
        ```
    """
    with _disposed_where_refused(_engine(name)) as engine:
        from ...batch.answer_store.store import AnswerStore

        path = _file_of(engine, name)
        if path is not None:
            _make_file(path, name)
            if is_file(name):
                _keep_from_others(engine, path, name)
        return AnswerStore(engine, without_secrets(name))


def existing_store(name: str) -> AnswerStore | None:
    """Open an answer store that is there; None where none is, and nothing is made then.

    Args:
        name: As `open_store` takes it.

    Raises:
        DatabaseError: nothing bears that name, the URL holds a password, the database cannot be reached, or the
            file's folder is not there.

    Example:
        ```python
        from prefect_openai_batch.blocks.databases import existing_store

        print(existing_store("./no-answers.db"))
        ```
    """
    with _disposed_where_refused(_engine(name)) as engine:
        from ...batch.answer_store.store import AnswerStore
        from ...batch.answer_store.tables import holds_answers

        path = _file_of(engine, name)
        if (path is None or path.exists()) and holds_answers(engine, without_secrets(name)):
            return AnswerStore(engine, without_secrets(name))
        return None


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
    is_path = Path(name).name != name or Path(name).suffix.lower() in ENDINGS
    return name if is_path and "://" not in name else None


def _engine(name: str) -> Engine:
    """An engine for what bears a name; nothing is connected to, and nothing made."""
    try:
        from sqlalchemy import URL, create_engine

        from ...batch.answer_store.tables import reached
    except ImportError:
        raise DatabaseError(f"An answer store needs SQLAlchemy: {EXTRA}.", database=name) from None
    if is_file(name):
        return create_engine(URL.create("sqlite", database=whole_name(name)))
    if "://" not in name:
        return engine_named(name, RULE)
    url = _checked_url(name)
    try:
        with reached(IN_OWN_WORDS, url):
            return create_engine(url)
    except ImportError as error:
        raise DatabaseError(f"The answer store needs the driver {error.name or error}.") from None


@contextmanager
def _disposed_where_refused(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    except DatabaseError:
        engine.dispose()
        raise


def _file_of(engine: Engine, name: str) -> Path | None:
    """The file of a SQLite database, which may not be there yet; None of any other, and of one in memory.

    Raises:
        DatabaseError: its folder is not there, which is more likely misspelt than meant.
    """
    named = engine.url.database
    if engine.dialect.name != "sqlite" or not named or named.startswith((":memory:", "file:")):
        return None
    path = Path(named)
    if not path.parent.is_dir():
        raise DatabaseError(
            f"There is no folder {path.parent} for the answer store {name}: make it (mkdir -p {path.parent}), or "
            "mend the name.",
            database=name,
        )
    return path


def _make_file(path: Path, name: str) -> None:
    """Make a store's file where it is not there, for its owner alone."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise DatabaseError(f"The answer store {name} cannot be made: {error.strerror}.", database=name) from None


def _keep_from_others(engine: Engine, path: Path, name: str) -> None:
    """Let nobody but its owner read a file that becomes an answer store; what is one already stays as it is.

    Raises:
        DatabaseError: it is a database of somebody's, which others may read.
    """
    from ...batch.answer_store.tables import holds_answers

    found = path.stat()
    if not found.st_mode & 0o077:
        return
    if not found.st_size:
        path.chmod(0o600)
    elif not holds_answers(engine, name):
        raise DatabaseError(
            f"The answer store {name} cannot be made in a database that others than its owner may read, for it "
            f"holds people's data: chmod 600 {name}, or name another file.",
            database=name,
        )


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
