"""Which texts a format and a pattern take, and which lists a set.

What a person declared is checked; but no text is refused, and paid for again, for being written in a way that its
declared type reads. So a format takes what JSON Schema says of it, and what pydantic's type reads that writes this
format: OpenAI holds a model to some formats only, and in its own reading. A pattern is pydantic's, of Unicode: to
JSON Schema's own `ü` is no letter. And no model is told that the items of a list differ: equal ones become one,
see `answer_columns`.
"""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, Literal
from uuid import UUID

import jsonschema_rs
from pydantic import AnyUrl, ConfigDict, Field, TypeAdapter

from ..words import counted
from .answer_columns import different

Takes = Callable[[str], bool]

_NUMBER = re.compile(r"[-+]?[.\d]+")
"""Seconds since 1970 to pydantic, and no moment to whoever declares one."""
AMBIGUOUS_SET = re.compile(r"\[\[|\[:|\[[^\]]*(?:&&|--|~~|\|\|)")
"""Sets of characters within sets, and classes by name: Python takes their signs for characters, and warns."""

_TYPES: dict[str, Any] = {
    "date": date,
    "date-time": datetime,
    "time": time,
    "duration": timedelta,
    "uuid": UUID,
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "uri": AnyUrl,
    "iri": AnyUrl,
    "uri-reference": str,  # a browser takes any text for a relative one
    "iri-reference": str,
    "regex": re.Pattern,
}


@cache
def formats() -> dict[str, Takes]:
    """What takes a text, by the formats whose texts are written in more ways than JSON Schema says."""
    by_type = {name: _either(_by_schema({"format": name}), _by_type(kind)) for name, kind in _TYPES.items()}
    return {**by_type, "email": _by_schema({"format": "idn-email"})}


class Pattern:
    """Checks the keyword `pattern`, where the validator would read it as JavaScript does."""

    def __init__(self, _schema: dict[str, Any], pattern: str, _place: list[str | int]) -> None:
        self._pattern = pattern
        self._takes = _by_pattern(pattern)

    def validate(self, value: Any) -> None:
        """Raise what does not match."""
        if isinstance(value, str) and not self._takes(value):
            raise ValueError(f'"{value}" does not match "{self._pattern}"')


class DifferentItems:
    """Checks `differentItems`, which stands for the bounds of a set: the least and the most of its items."""

    def __init__(self, _schema: dict[str, Any], bounds: list[int | None], _place: list[str | int]) -> None:
        self._least, self._most = bounds

    def validate(self, value: Any) -> None:
        """Raise what holds too few, or too many."""
        items = len(different(value)) if isinstance(value, list) else self._least or 0
        if items < (self._least or 0) or (self._most is not None and items > self._most):
            raise ValueError(f"it has {counted(items, 'different item')}")


KEYWORDS = {"pattern": Pattern, "differentItems": DifferentItems}
"""What is checked otherwise than JSON Schema has it."""


def _by_pattern(pattern: str) -> Takes:
    """By pydantic's engine; by its other one what looks around or back, by JSON Schema's what neither reads."""
    engines: list[Literal["rust-regex", "python-re"]] = ["rust-regex"]
    if not AMBIGUOUS_SET.search(pattern):
        engines.append("python-re")
    for engine in engines:
        matching = Annotated[str, Field(pattern=pattern)]
        try:
            return TypeAdapter(matching, config=ConfigDict(regex_engine=engine)).validator.isinstance_python
        except Exception:  # noqa: S112  # pydantic does not export what it raises of a pattern
            continue
    return _by_schema({"pattern": pattern})


def _by_type(kind: Any) -> Takes:
    return TypeAdapter(kind).validator.isinstance_python


def _by_schema(schema: dict[str, Any]) -> Takes:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid


def _either(strict: Takes, lenient: Takes) -> Takes:
    return lambda text: strict(text) or (lenient(text) and not _NUMBER.fullmatch(text))
