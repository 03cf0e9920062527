"""One request and its answer, on their way through the server."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

Body = dict[str, Any]

quoted: Callable[[str], str] = json.encoder.encode_basestring_ascii
"""A JSON string in ASCII, as OpenAI writes them."""


class Usage(NamedTuple):
    """The tokens of one line: cached ones and those written to the cache are part of the input."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    cache_write: int = 0


@dataclass(slots=True)  # not frozen, and no tuple: a million are made, and both take longer to make or to read
class Answer:
    """One line's answer: its HTTP status, its body as JSON text, and what it used (None: nothing is billed)."""

    status: int
    body: str
    usage: Usage | None


@dataclass(slots=True)  # for the same reason
class Asked:
    """One line of an input file, and what its answer is made of besides.

    Attributes:
        custom_id: the line's name.
        body: the request's body.
        body_sha256: the digest of the body as compact JSON with sorted keys.
        digest: 48 hexadecimal digits, no two lines' the same: every id is made of them.
        now: the time of the answer.
    """

    custom_id: str
    body: Body
    body_sha256: str
    digest: str
    now: int


def read_usage(body: Body) -> Usage | None:
    """The tokens that a body reports, in the words of either API; None where it reports none."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return None
    inputs = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    outputs = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    return Usage(
        int(usage.get("prompt_tokens", usage.get("input_tokens")) or 0),
        int(usage.get("completion_tokens", usage.get("output_tokens")) or 0),
        int(inputs.get("cached_tokens") or 0),
        int(outputs.get("reasoning_tokens") or 0),
        int(inputs.get("cache_write_tokens") or 0),
    )
