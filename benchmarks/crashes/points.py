"""The points at which a process can be killed; a recording run finds them.

Each is told apart by what happens there and by how often that has happened, without what is random in it.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

When = Literal["before", "after"]

_REMOTE_ID = re.compile(r"(?<=/)(file-|batch_)(\w+)")
_RANDOM = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}|\d{8}T\d{6}\.\d+|(?<=[.-])[0-9a-f]{8}(?=\.|$)"
)


@dataclass(frozen=True)
class Point:
    """A moment in the life of a process.

    Attributes:
        what: A request as the server sees it (`POST /v1/batches`), where each letter of an id is a `?`; or a
            change to a file (`rename storage/job/job.json`), where what is random is a `*`.
        call: Which one of these, counted from 1.
        when: Before or after its effect; of changes to files only before: the next one comes after.
    """

    what: str
    call: int
    when: When = "before"

    @property
    def is_request(self) -> bool:
        """Whether it is a request, and no change to a file."""
        return self.what.partition(" ")[0].isupper()

    def befalls(self, request: dict[str, Any]) -> bool:
        """Whether a request in the server's log is one of these."""
        return fnmatchcase(f"{request['method']} {request['path']}", self.what)

    def __str__(self) -> str:
        """The point in a table."""
        return f"{self.when:<6} {re.sub('[?]+', '*', self.what)} #{self.call}"


def name_request(request: dict[str, Any]) -> str:
    """A request as a point names it, which is also a pattern that fits it alone."""
    path = _REMOTE_ID.sub(lambda found: found[1] + "?" * len(found[2]), request["path"])
    return f"{request['method']} {path}"


def name_path(path: str) -> str:
    """A path without what is random in it: temporary suffixes, run ids, times."""
    return "/".join(_RANDOM.sub("*", part) for part in path.split("/"))


def find_points(requests: Iterable[dict[str, Any]], changes: Iterable[dict[str, Any]]) -> list[Point]:
    """The points of a recorded run in the order of time; each request is two."""
    calls: Counter[str] = Counter()
    found: list[tuple[float, Point]] = []
    for request in requests:
        what = name_request(request)
        calls[what] += 1
        found.append((request["received_at"], Point(what, calls[what], "before")))
        found.append((request["received_at"], Point(what, calls[what], "after")))
    found += [(change["at"], Point(change["what"], change["call"])) for change in changes]
    return [point for _, point in sorted(found, key=lambda one: one[0])]
