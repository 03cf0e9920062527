"""What an answer store may be called: no URL with a password, for its name stands in parameters and records."""

import re
from urllib.parse import parse_qsl

from ..errors import DatabaseError
from ..urls import without_user

WAY_OUT = (
    "Name a file, such as answers.db, a URL without a password, or the name of an environment variable, a "
    "SqlAlchemyConnector or a Secret block that holds the URL"
)

_SECRET = re.compile("pass|pwd|secret|token", re.IGNORECASE)
"""What parameters of a URL are called that hold a password."""


def holds_password(name: str) -> bool:
    """Whether a name is a URL that holds a password."""
    _, scheme, rest = name.partition("://")
    user = without_user(name)[1]
    asked = [key for key, _ in parse_qsl(rest.partition("?")[2], keep_blank_values=True)]
    return bool(scheme) and (bool(user and user[1]) or any(map(_SECRET.search, asked)))


def checked_name(name: str) -> str:
    """The name as it is.

    Raises:
        DatabaseError: it is a URL that holds a password, which is not quoted.
    """
    if holds_password(name):
        raise DatabaseError(
            f"The answer store's URL holds a password, and would stand in parameters and records. {WAY_OUT}."
        )
    return name
