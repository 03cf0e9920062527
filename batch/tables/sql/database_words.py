"""What a database says is wrong, without what SQLAlchemy quotes beside it: URL, query, parameters, password."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...errors import DatabaseUnreachable, SourceError
from .locks import code_of, is_locked
from .sql_source import SqlSource

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine
    from sqlalchemy.exc import DBAPIError

PASSES = re.compile("08|40|53|57P")
"""How the codes of errors begin that may pass: of connections, conflicts, too little of something, a shutdown."""

SECRET_OPTION = re.compile("pass|secret|token|key", re.IGNORECASE)

SHORTEST = 4
"""Characters of a value that is looked for in other words; a shorter one only in quotes."""


@contextmanager
def in_the_databases_words(source: SqlSource, engine: Engine) -> Iterator[None]:
    """Let what a database refuses be refused in its own words.

    Raises:
        DatabaseUnreachable: it cannot be reached, or the connection broke.
        SourceError: the query fails.
    """
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except DBAPIError as error:
        words = words_of(error, engine.url, source.parameters)
        if may_pass(error):
            raise DatabaseUnreachable(
                f"{source.name}: the database cannot be reached, or ended the connection: {words}",
                database=source.database,
            ) from None
        raise SourceError(f"{source.name}: the database refuses it: {words}", path=source.name) from None
    except SQLAlchemyError as error:
        words = hidden(str(error), engine.url, source.parameters)
        raise SourceError(f"{source.name}: it cannot be read: {words}", path=source.name) from None


def may_pass(error: DBAPIError) -> bool:
    """Whether the same may succeed another time: a connection that broke or cannot be made, a conflict, a lock."""
    code = code_of(error.orig)
    if code is None:
        # A driver gives no code where no server has answered; SQLite names what is wrong.
        name = getattr(error.orig, "sqlite_errorname", None)
        no_answer = name is None and error.statement is None
        return error.connection_invalidated or no_answer or is_locked(error)
    return error.connection_invalidated or PASSES.match(code) is not None


def words_of(error: DBAPIError, url: URL, parameters: dict[str, Any]) -> str:
    """What the database itself says; a value of the query's is shown by its name, the password not at all.

    PostgreSQL's drivers add the line of the query with a caret below the place, which points nowhere in one line.
    """
    told = getattr(error.orig, "diag", None)
    said = [getattr(told, part, None) for part in ("message_primary", "message_hint")]
    return hidden(". ".join(part.rstrip(".") for part in said if part) or str(error.orig), url, parameters)


def hidden(text: str, url: URL, parameters: dict[str, Any]) -> str:
    """A text without what may not be shown."""
    secrets = [url.password, *(value for name, value in url.query.items() if SECRET_OPTION.search(name))]
    for secret in filter(None, map(str, filter(None, secrets))):
        text = text.replace(secret, "***")
    for name, value in parameters.items():
        for one in value if isinstance(value, list) else [value]:
            text = _without(text, str(one), f":{name}")
    return " ".join(text.split())


def _without(text: str, value: str, name: str) -> str:
    if not value:
        return text
    quoted = re.sub(rf"""(["']){re.escape(value)}\1""", lambda found: f"{found[1]}{name}{found[1]}", text)
    return quoted.replace(value, name) if len(value) >= SHORTEST else quoted
