"""What becomes of each field of a deployment that is on the server already: the one rule of deploying again.

A field takes the file's value when the file has changed it since the last deploy and nobody else has since; what
somebody has changed stays. For that each deploy keeps a digest of what it wanted, field by field.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEDULES = "schedules."
"""What a schedule's fields begin with; its slug and the field's name follow."""


@dataclass(frozen=True)
class LastDeploy:
    """What a deploy leaves behind for the next.

    Attributes:
        options: What was asked on its line.
        digests: Of what it wanted, by field.
    """

    options: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settlement:
    """What is to be done about a deployment's fields.

    Attributes:
        changes: The fields that take another value; None takes one away.
        kept: The fields that differ from what is wanted, and stay as somebody has made them.
    """

    changes: Mapping[str, Any]
    kept: tuple[str, ...] = ()


def digest(value: Any) -> str:
    """A short digest of a JSON value; 2.0 is 2, as browsers write it."""
    plain = json.loads(json.dumps(value), parse_float=_as_browsers_do)
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:12]


def _as_browsers_do(number: str) -> float:
    return int(value) if (value := float(number)).is_integer() else value


def digests_of(fields: Mapping[str, Any]) -> dict[str, str]:
    """The digests of what is wanted, to be kept until the next deploy."""
    return {name: digest(value) for name, value in sorted(fields.items())}


def settle(
    there: Mapping[str, Any],
    wanted: Mapping[str, Any],
    last: Mapping[str, str],
    asked: Collection[str] = (),
) -> Settlement:
    """What is to change, and what stays although it differs.

    Args:
        there: The fields on the server; a field that is not there counts as None.
        wanted: The fields as the file and the options have them.
        last: The digests of what was wanted the last time.
        asked: The fields that an option asks for that was not given the last time; they count in any case.
    """
    differing = [name for name in sorted({*wanted, *last}) if there.get(name) != wanted.get(name)]
    kept = {name for name in differing if name not in asked and _touched(name, there, last)}
    for slug in {slug_of(name) for name in differing} - {None}:
        of_it = {name for name in differing if slug_of(name) == slug}
        is_there = any(slug_of(name) == slug for name in there)
        is_wanted = any(slug_of(name) == slug for name in wanted)
        if not (is_there and is_wanted) and of_it & kept:  # a schedule comes and goes as a whole
            kept = kept - of_it if of_it & set(asked) else kept | of_it
    changes = {name: wanted.get(name) for name in differing if name not in kept}
    going = {slug_of(name) for name in changes} - {slug_of(name) for name in wanted} - {None}
    changes |= {name: None for name in there if slug_of(name) in going}  # what it never said of it, too
    return Settlement(changes, tuple(sorted(kept)))


def slug_of(name: str) -> str | None:
    """The slug of the schedule that a field belongs to; None where it belongs to none."""
    return name.removeprefix(SCHEDULES).rpartition(".")[0] if name.startswith(SCHEDULES) else None


def _touched(name: str, there: Mapping[str, Any], last: Mapping[str, str]) -> bool:
    """Whether somebody else has given a field the value it has; of a field that is new, whether it has one."""
    value = there.get(name)
    return digest(value) != last[name] if name in last else value is not None
