"""An item: one request line of an input file."""

import re
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from .endpoints import Endpoint, endpoint_named

_NULL = re.compile(rb"[:,\[]null")


class BatchItem(BaseModel):
    """One request line: what OpenAI is asked, under a custom_id of ours."""

    model_config = ConfigDict(frozen=True)

    custom_id: str = Field(min_length=1)
    method: Literal["POST"] = "POST"
    url: Endpoint
    body: dict[str, Any]

    def line(self) -> bytes:
        """The item as a line of an input file, with its newline."""
        return encode_line(self.custom_id, self.url, encode_body(self.body))


def encode_body(body: dict[str, Any]) -> bytes:
    """A body as compact JSON in UTF-8.

    Raises:
        TypeError: the body holds something that JSON cannot say, NaN and infinity too.
    """
    encoded = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    if _NULL.search(encoded):  # which they would be sent as
        _refuse_no_numbers(body)
    return encoded


def _refuse_no_numbers(value: Any) -> None:
    if isinstance(value, Enum):
        value = value.value
    if is_dataclass(value):
        value = [getattr(value, field.name, None) for field in fields(value)]
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            _refuse_no_numbers(part)
    elif hasattr(value, "tolist"):  # numpy's
        _refuse_no_numbers(value.tolist())
    elif isinstance(value, float) and not isfinite(value):
        raise TypeError(f"a number in it is {value}")


def encode_line(custom_id: str, url: Endpoint, body: bytes) -> bytes:
    """A line of an input file from its parts; the body is JSON already."""
    before, between, behind = around(url)
    return b"".join((before, orjson.dumps(custom_id), between, body, behind))


def around(url: Endpoint) -> tuple[bytes, bytes, bytes]:
    """What stands in a line before its custom_id, between it and the body, and behind that."""
    return b'{"custom_id":', b',"method":"POST","url":"%b","body":' % url.encode(), b"}\n"


def body_in(line: bytes, url: Endpoint) -> bytes:
    """The body in a line that `encode_line` made, as the bytes that it was given.

    Raises:
        ValueError: it was not made so.
    """
    _, between, behind = around(url)  # within a JSON text no quote stands alone
    return line[line.index(between) + len(between) : -len(behind)]


def endpoint_in(line: bytes | str) -> Endpoint | None:
    """The endpoint that a line of an input file names; None where it names none that is known here."""
    try:
        item = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return endpoint_named(item.get("url")) if isinstance(item, dict) else None
