"""Addresses of servers, and the users that they name: errors and logs quote addresses."""

import os
from urllib.parse import unquote


def without_user(address: str) -> tuple[str, tuple[str, str] | None]:
    """An address, and apart from it the user and password that it names."""
    scheme, slashes, rest = address.partition("://")
    place, slash, path = rest.partition("/")
    user, at, host = place.rpartition("@")
    if not at:
        return address, None
    name, _, password = user.partition(":")
    return f"{scheme}{slashes}{host}{slash}{path}", (unquote(name), unquote(password))


def named_server() -> str:
    """The server that the environment names, empty where it names none; one with a new password is no other."""
    return without_user(os.environ.get("OPENAI_BASE_URL", ""))[0]
