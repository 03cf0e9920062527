"""Tokens, as OpenAI reports them."""

from typing import Any, NamedTuple

from ..storage.records import Record
from .answers import Body


class Usage(NamedTuple):
    """The tokens one response reports; None where it does not say."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None


def read_usage(body: Body) -> Usage:
    """The tokens of a body: chat completions and the Responses API name them differently."""
    usage = body.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    sent, sent_details, got, got_details = _CHAT_USAGE if "prompt_tokens" in usage else _RESPONSES_USAGE
    inputs, outputs = usage.get(sent_details), usage.get(got_details)
    return Usage(
        _count(usage.get(sent)),
        _count(inputs.get("cached_tokens")) if isinstance(inputs, dict) else None,
        _count(inputs.get("cache_write_tokens")) if isinstance(inputs, dict) else None,
        _count(usage.get(got)),
        _count(outputs.get("reasoning_tokens")) if isinstance(outputs, dict) else None,
    )


_CHAT_USAGE = ("prompt_tokens", "prompt_tokens_details", "completion_tokens", "completion_tokens_details")
_RESPONSES_USAGE = ("input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details")


MOST_TOKENS = 10**8
"""Of one response: a larger count is wrong, and tells nothing. At any price its dollars fit in 64 bits."""


def _count(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


COUNTS = ("input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
"""The fields of an outcome that count tokens."""


class TokenCounts(Record):
    """Tokens as OpenAI reported them, summed.

    Cached tokens, and those written to the cache, are among the input, reasoning among the output.
    """

    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "TokenCounts") -> "TokenCounts":
        """The sums of two counts."""
        return TokenCounts(
            **{name: getattr(self, name) + getattr(other, name) for name in TokenCounts.model_fields}
        )
