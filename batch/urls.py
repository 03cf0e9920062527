"""What of a path or URL a person, or Prefect's server, may see: never a user, a password or a signature."""

import re

LONGEST_NAME = 60
"""Characters of a file's name that are shown."""


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
    place = re.split("[?#]", rest, maxsplit=1)[0]
    authority, slash, path = place.partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def name_in(url: str) -> str:
    """The name of the file that a path or URL leads to, the middle of a long one left out; of a chain the last.

    Example:
        ```python
        from prefect_openai_batch.batch.urls import name_in

        print(name_in("s3://lake/2026/reviews.parquet"))
        ```
    """
    place = _bare(url.rpartition("::")[2]).partition("://")
    name = re.split(r"[/\\]", (place[2] or place[0]).rstrip("/\\"))[-1]
    if len(name) <= LONGEST_NAME:
        return name
    half = LONGEST_NAME // 2
    return f"{name[: half - 1]}…{name[-half:]}"
