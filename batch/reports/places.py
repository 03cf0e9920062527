"""Where tables lie, as it may be shown: without users, passwords and the signatures of links."""

import re
from pathlib import Path

_USER = re.compile(r"://[^/]*@")

_WEB = ("https://", "http://")


def shown_place(place: str) -> str:
    """A path or URL with nothing secret in it: no user before the host, no query of a link."""
    said = _USER.sub("://", place)
    return said.partition("?")[0] if any(scheme in said for scheme in _WEB) else said


def address_of(place: str) -> str:
    """What a browser opens: a page, or a file on its own machine; empty for what lies in an object store."""
    said = shown_place(place)
    if said.startswith(_WEB):
        return said
    return Path(said).as_uri() if Path(said).is_absolute() else ""
