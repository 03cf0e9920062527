"""The text of a value: the same in prompts as in CSV and JSONL."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

import orjson

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def json_bytes(value: Any) -> bytes:
    """A value as JSON, what JSON has no word for as its text; NaN and infinity become null.

    Raises:
        TypeError: something in it has no text.
    """
    return orjson.dumps(value, default=text, option=_OPTIONS)


def text(value: Any) -> str:
    """The text of a value: nothing for null, ISO 8601 for dates and times, JSON for lists and nested values.

    Raises:
        TypeError: it has none: bytes, and what is no value but a method or an object of Python's.
    """
    if type(value) is str:
        return value
    make = _TEXTS.get(type(value))
    return make(value) if make else _text_of_other(value)


def _json_text(value: Any) -> str:
    return json_bytes(value).decode()


def _text_of_other(value: Any) -> str:
    """The text of a value whose type is not among the usual."""
    if isinstance(value, datetime):  # pandas' too
        return value.isoformat()
    if isinstance(value, timedelta):
        return _duration_text(value)
    if isinstance(value, Mapping | list) or getattr(value, "ndim", None):
        return _json_text(dict(value) if isinstance(value, Mapping) else value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError("bytes are no text")
    found = str(value)  # which a name that stands for nothing refuses by itself
    if not (isinstance(value, _SCALARS) or hasattr(value, "ndim")):
        raise TypeError(f"{type(value).__name__} is no value that has a text")
    return found


def _duration_text(value: timedelta) -> str:
    """As Python writes durations, also of pandas'; behind the microseconds the nanoseconds that those may have."""
    said = str(timedelta(value.days, value.seconds, value.microseconds))
    rest = getattr(value, "nanoseconds", 0)
    return f"{said}{'' if value.microseconds else '.000000'}{rest:03}" if rest else said


_SCALARS = (str, int, float, Decimal, date, time, timedelta, UUID)
"""Values of one text each, beside numpy's; anything else would be shown as Python shows it."""

_TEXTS: dict[type, Callable[[Any], str]] = {
    int: str,
    float: str,
    NoneType: lambda _: "",
    bool: lambda value: "true" if value else "false",
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    Decimal: lambda value: f"{value:f}",  # never with an exponent
    dict: _json_text,
    list: _json_text,
    tuple: _json_text,
}
