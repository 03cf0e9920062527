"""A database by the name that its users have given it: a block's, or an environment variable's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...batch.errors import DatabaseError
from ...batch.urls import is_of_database
from ..prefect_calls import at_once, is_deployed

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

EXTRA = "pip install 'prefect-openai-batch[sql]'"

OF_FILES = (
    "A SQLite file is named in a URL, as export SHOP=sqlite:///shop.db, and SHOP is the database's name then"
)
"""What is said to who names a file."""

SYNCHRONOUS = {"asyncpg": "psycopg", "aiosqlite": "pysqlite", "aiomysql": "pymysql", "asyncmy": "pymysql"}
"""Drivers that only asynchronous code can use, and the one of the same database that takes their place."""


def database_url(name: str) -> URL:
    """The SQLAlchemy URL of a database.

    Args:
        name: The name of an environment variable that holds a URL, of a saved `SqlAlchemyConnector` of
            prefect-sqlalchemy's, or of a `Secret` block that holds a URL; looked for in this order.

    Raises:
        DatabaseError: nothing bears that name, or what it holds is no URL.

    Example:
        ```python
        import os

        from prefect_openai_batch.blocks.databases import database_url

        os.environ["WAREHOUSE"] = "sqlite:///warehouse.db"
        print(database_url("WAREHOUSE").database)
        ```
    """
    return _found(name, OF_FILES)[0]


def database_engine(name: str, **options: Any) -> Engine:
    """A SQLAlchemy engine for a database by its name; `options` go to `create_engine`.

    The block's own `connect_args` count. No connection is made yet.

    Raises:
        DatabaseError: nothing bears that name, what it holds is no URL, or its driver is not installed.
    """
    return engine_named(name, OF_FILES, **options)


def engine_named(name: str, way_out: str, **options: Any) -> Engine:
    """As `database_engine`; where nothing bears the name, `way_out` is said besides.

    Raises:
        DatabaseError: as `database_engine` does.
    """
    url, connect_args = _found(name, way_out)
    with _refusing(name):
        from sqlalchemy import create_engine

        return create_engine(url, connect_args=connect_args, **options)


def _found(name: str, way_out: str) -> tuple[URL, dict[str, Any]]:
    """The URL, and what a block says besides."""
    try:
        import sqlalchemy  # noqa: F401  # that it is there
    except ImportError:
        raise DatabaseError(f"Databases need SQLAlchemy: {EXTRA}.", database=name) from None
    written = os.environ.get(name) or None
    if written is None and (connector := _connector(name)) is not None:
        return connector
    if written is None:
        written = _secret(name)
    if written is None:
        raise _nothing_named(name, way_out)
    return _url(name, written), {}


def _nothing_named(name: str, way_out: str) -> DatabaseError:
    variables = {one.casefold(): one for one, value in os.environ.items() if is_of_database(value)}
    alike = get_close_matches(name.casefold(), variables, n=1)
    return DatabaseError(
        f"There is no database named {name!r}: no environment variable, no SqlAlchemyConnector block and no "
        f"Secret block bears that name here{f'; is {variables[alike[0]]} meant?' if alike else '.'} {way_out}."
        f"{'' if find_spec('prefect_sqlalchemy') else f' Blocks of prefect-sqlalchemy need {EXTRA}.'}",
        database=name,
    )


def _connector(name: str) -> tuple[URL, dict[str, Any]] | None:
    try:
        import prefect_sqlalchemy
    except ImportError:
        return None
    kinds = ("SqlAlchemyConnector", "AsyncSqlAlchemyConnector")  # the latter since 0.6
    for kind in filter(None, (getattr(prefect_sqlalchemy, one, None) for one in kinds)):
        with suppress(ValueError):  # Prefect's answer where there is no such block
            return _of_block(name, at_once(kind.load, name))
    return None


def _of_block(name: str, block: Any) -> tuple[URL, dict[str, Any]]:
    return _url(name, str(block._rendered_url.render_as_string(hide_password=False))), dict(
        block.connect_args or {}
    )


def _secret(name: str) -> str | None:
    from prefect.blocks.system import Secret  # a command begins without Prefect

    try:
        return str(at_once(Secret.load, name).get())
    except ValueError:
        return None


def _url(name: str, written: str) -> URL:
    from sqlalchemy import make_url

    with _refusing(name):
        url = make_url(written)
    check_stays(name, url)
    driver = url.drivername.partition("+")
    other = SYNCHRONOUS.get(driver[2])
    return url if other is None else url.set(drivername=f"{driver[0]}+{other}")


def check_stays(name: str, url: URL) -> None:
    """Refuse a SQLite database that goes with the process, or with a deployed run's folder.

    Raises:
        DatabaseError: it is in memory, or in a deployed run a file by a relative path.
    """
    if url.get_backend_name() != "sqlite":
        return
    file = url.database or ":memory:"
    why = None
    if file == ":memory:":
        why = "SQLite's in memory, and gone with the process"
    elif not (Path(file).is_absolute() or file.startswith("file:")) and is_deployed():
        why = (
            "a SQLite file by a relative path. A deployed run's folder is its worker's, and gone when the run ends"
        )
    if why is not None:
        way_out = "let the URL name a whole path, as sqlite:////data/warehouse.db does"
        raise DatabaseError(f"The database {name} is {why}: {way_out}.", database=name)


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Let what cannot be used say which name it stands under, and nothing of the URL."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        yield
    except (ArgumentError, NoSuchModuleError, ValueError):  # the last of a port that is no number
        raise DatabaseError(f"{name} holds no URL that SQLAlchemy knows a dialect for.", database=name) from None
    except ImportError as error:
        raise DatabaseError(
            f"The database {name} needs a driver that is not installed: {error.name or error}.", database=name
        ) from None
