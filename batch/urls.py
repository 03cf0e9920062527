"""What of a path or URL a person, Prefect's server, an error or a log may see: no user, password or signature."""

import os
import re
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

Given = TypeVar("Given")

WEB = ("https://", "http://")

CONTAINERS = frozenset({"abfs", "abfss", "wasb", "wasbs"})
"""Schemes of Azure's, in whose URLs a container stands where others have a user."""

_URL = re.compile(r"([A-Za-z][\w+.-]*://[^\s'\"<>]*?)([.,:;)\]]*)(?=[\s'\"<>]|$)")
"""A URL in a text, and the punctuation behind it."""

_DATABASE = re.compile(
    r"(postgres(ql)?|mysql|mariadb|sqlite|oracle|mssql|snowflake|redshift|cockroachdb|trino|clickhouse)(\+\w+)?://",
    re.IGNORECASE,
)
"""How the URLs of databases begin, as SQLAlchemy writes them."""

LONGEST_NAME = 60
"""Characters of a file's name, or of a prompt, that are shown."""


def as_text(given: Given | os.PathLike[str]) -> Given | str:
    """A path object as the text of its path; anything else as it is."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def without_secrets(url: str) -> str:
    """A path or URL as it is, but for what may open its place: user and password, query and fragment.

    Example:
        ```python
        from prefect_openai_batch.batch.urls import without_secrets

        print(without_secrets("https://me:secret@lake.example/reviews.csv?sig=abc"))
        ```
    """
    return "::".join(_bare(link) for link in url.split("::"))


def _bare(link: str) -> str:
    scheme, separator, rest = link.partition("://")
    if not separator:
        return link
    named = scheme.lower() in CONTAINERS and ":" not in rest.partition("@")[0]
    return f"{scheme}://{re.split('[?#]', rest if named else _beyond_user(rest), maxsplit=1)[0]}"


def _beyond_user(rest: str) -> str:
    """What follows user and password, also where the password holds a sign that would have to be escaped."""
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    if "@" in authority:
        return rest[authority.rindex("@") + 1 :]
    after = authority.partition(":")[2]
    is_password = bool(after) and not after.isdigit() and not authority.startswith("[")
    return rest.partition("@")[2] if is_password and "@" in rest else rest


def is_of_database(url: str) -> bool:
    """Whether a URL is a database's, and no file's."""
    return _DATABASE.match(url) is not None


def text_without_secrets(text: str) -> str:
    """A text, each URL in it as `without_secrets` leaves it."""
    return _URL.sub(lambda found: without_secrets(found[1]) + found[2], text)


def name_in(url: str) -> str:
    """The name of the file that a path or URL leads to, the middle of a long one left out; of a chain the last.

    A glob is called by what it matches, and the folder that holds it: `day=2026-11-24/*.parquet`.

    Example:
        ```python
        from prefect_openai_batch.batch.urls import name_in

        print(name_in("s3://lake/2026/reviews.parquet"))
        ```
    """
    place = _bare(url.rpartition("::")[2]).partition("://")
    levels = re.split(r"[/\\]", (place[2] or place[0]).rstrip("/\\"))
    matching = next((number for number, level in enumerate(levels) if "*" in level), len(levels))
    return shortened("/".join(levels[max(matching - 1, 0) :]))


def shortened(text: str) -> str:
    """A text of `LONGEST_NAME` characters at most: of a long one the middle is left out."""
    half = LONGEST_NAME // 2
    return text if len(text) <= LONGEST_NAME else f"{text[: half - 1]}…{text[-half:]}"


def link_to(place: str) -> str:
    """What a browser opens: a page, or a file on its own machine; empty for what lies in an object store."""
    said = without_secrets(place)
    if said.startswith(WEB):
        return said
    return Path(said).as_uri() if Path(said).is_absolute() else ""


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
