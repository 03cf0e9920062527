"""Where a run's paths lie: those of a deployed run are its worker's, and named whole."""

import re
from pathlib import PurePath

from ..batch.errors import DestinationError, Refused, SourceError
from ..blocks.prefect_calls import is_deployed

_REFUSALS: dict[str, type[Refused]] = {
    "source": SourceError,
    "table": SourceError,
    "destination": DestinationError,
    "result": DestinationError,
}

_OF_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ONE_SLASH = re.compile(r"(?!file:|local:)[a-z][a-z0-9]+:/[^/]")
_LOCAL = re.compile(r"(file|local):(//)?")


def check_places(**places: str | None) -> None:
    """Refuse a relative path in a deployed run: each start has a folder of its own, which goes when it ends.

    Raises:
        Refused: one of the places, which are given by what they are for, depends on the process's folder.
    """
    for purpose, url in places.items():
        if url and is_relative(url) and is_deployed():
            raise _REFUSALS.get(purpose, Refused)(f"The {purpose} {url!r} {_fault(url)}", path=url)


def _fault(url: str) -> str:
    """What is wrong with a place that depends on the process's folder, and the way out."""
    if _OF_WINDOWS.match(url):
        return (
            "is a path of a Windows machine, which the worker does not see: put it where both reach it, and name "
            "it as the worker does."
        )
    if _ONE_SLASH.match(url):
        return "is neither a path nor a URL: behind the colon stand two slashes."
    return (
        "is a relative path. A deployed run's folder is its worker's, and gone when the run ends: name a whole "
        f"path, such as /data/{PurePath(url).name}, or a URL."
    )


def is_relative(url: str) -> bool:
    """Whether a path depends on the folder that a process stands in; of a chained URL its last part says so."""
    path = _LOCAL.sub("", url.rpartition("::")[2], count=1)
    return not ("://" in path or path.startswith("~") or PurePath(path).is_absolute())
